import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// How updates meet what stands there: version 16 adds sums and products, 18 extremes.
    fileprivate func scatterMode() throws -> ScatterForm.Mode {
        switch try string("reduction", default: "none") {
        case "none": return .set
        case let name:
            guard let mode = ScatterForm.Mode(rawValue: name), mode != .set else {
                throw Diagnostic("onnx.attribute", "reduction '\(name)' is unknown")
            }
            return mode
        }
    }

    fileprivate func scatteredElements(_ mode: ScatterForm.Mode) throws -> Tensor {
        let x = try input(0)
        let axis = try axis(try int("axis", default: 0), rank: try x.rank)
        return try x.scatteredElements(try input(1), updates: try input(2), axis: axis, mode: mode)
    }
}

enum Scatter: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.scatteredElements(.set)] }
}

enum ScatterElements: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.scatteredElements(node.scatterMode())]
    }
}

enum ScatterND: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).scatteredSlices(node.input(1), updates: node.input(2), mode: node.scatterMode())]
    }
}

enum TensorScatter: ONNXOperator {
    static let versions = [24]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let cache = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: -2), rank: try cache.rank)
        let mode = try node.string("mode", default: "linear")
        guard ["linear", "circular"].contains(mode) else {
            throw Diagnostic("onnx.attribute", "mode '\(mode)' is unknown")
        }
        return [
            try cache.updated(
                with: node.input(1), at: node.optional(2), axis: axis, circular: mode == "circular")
        ]
    }
}
