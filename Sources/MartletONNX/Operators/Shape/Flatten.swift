import MartletCore
import MartletIR
import MartletLibrary

enum Flatten: ONNXOperator {
    static let versions = [1, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.int("axis", default: 1)
        let rank = try x.rank
        guard axis >= -rank, axis <= rank else {
            throw Diagnostic("onnx.axis", "axis \(axis) is out of range for a tensor of rank \(rank)")
        }
        return [try x.flattened(at: axis < 0 ? axis + rank : axis)]
    }
}
