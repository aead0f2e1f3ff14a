import MartletCore
import MartletIR
import MartletLibrary

/// start, start + delta, … before limit.
enum RangeOperator: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = try (0..<3).map { try node.input($0).reshaped(to: []) }
        let type = try operands[0].element
        if type.isInteger, let step = try operands[2].concrete?.ints().first, step != 0 {
            let (start, limit) = (
                try node.dim(of: operands[0], lower: lowest), try node.dim(of: operands[1], lower: lowest)
            )
            return [try Tensor.range(start: start, limit: limit, step: Int(step), type: type)]
        }
        let count = try count(operands, node)
        let steps = try Tensor.iota(shape: [count], axis: 0, type: type)
        return [try (steps * operands[2] + operands[0]).checked()]
    }

    /// Sizes read from data may be negative.
    private static let lowest = -(1 << 40)

    /// ⌈(limit - start) / delta⌉, at least 0, computed as float64.
    private static func count(_ operands: [Tensor], _ node: ImportedNode) throws -> IntExpr {
        let wide = try operands.map { try $0.cast(to: .float64) }
        let count = try ((wide[1] - wide[0]) / wide[2]).mapped(.ceil).mapped(.max, Tensor(0, as: .float64))
        return try node.recorder.bind(count.cast(to: .int64), "\(node.name)_count")
    }
}
