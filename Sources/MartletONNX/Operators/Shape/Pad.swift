import MartletCore
import MartletIR
import MartletLibrary

/// Pads were attributes before version 11 (`paddings` in version 1); version 18 adds the operand axes, 19 mode wrap.
enum Pad: ONNXOperator {
    static let versions = [1, 2, 11, 18]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        let name = try node.string("mode", default: "constant")
        guard let mode = PaddingMode(rawValue: name) else { throw Diagnostic("onnx.pad", "mode '\(name)' is unknown") }
        var low = [IntExpr](repeating: 0, count: rank), high = low
        switch try node.axesChoice(3, since: 18, rank: { _ in rank }) {
        case .dynamic(let axes):
            let pads = try node.input(1)
            let sides = try (0..<2).map {
                try pads.sliced(axis: 0, start: IntExpr($0 * axes.count), size: IntExpr(axes.count))
            }
            for axis in 0..<rank {
                let own = try sides.map {
                    try node.dim(of: axes.entry(of: $0, for: axis, otherwise: .number(0)), lower: lowest)
                }
                (low[axis], high[axis]) = (own[0], own[1])
            }
        case let choice:
            var axes = Array(0..<rank)
            if case .known(let given)? = choice, node.version >= 18 { axes = given }
            let pads = try pads(node)
            guard pads.count == axes.count * 2 else {
                throw Diagnostic("onnx.pad", "\(pads.count) pads are given for \(axes.count) axes")
            }
            for (position, axis) in axes.enumerated() {
                (low[axis], high[axis]) = (pads[position], pads[position + axes.count])
            }
        }
        return [try x.padded(mode, low: low, high: high, value: mode == .constant ? try value(node, x) : nil)]
    }

    /// Pads read from data may cut.
    private static let lowest = -(1 << 30)

    private static func pads(_ node: ImportedNode) throws -> [IntExpr] {
        if node.version >= 11 { return try node.dims(of: try node.input(1), lower: lowest) }
        let name = node.version == 1 ? "paddings" : "pads"
        return try node.required(name, try node.ints(name)).map { IntExpr($0) }
    }

    private static func value(_ node: ImportedNode, _ x: Tensor) throws -> Tensor {
        if node.version >= 11 {
            guard let value = try node.optional(2) else { return try Tensor(0, as: x.element) }
            return try value.reshaped(to: [])
        }
        return try Tensor(try node.float("value", default: 0), as: x.element)
    }
}
