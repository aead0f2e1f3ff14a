import MartletCore
import MartletIR
import MartletLibrary

/// Bounds are operands from version 11 on. Without a bound nothing is cut, infinities neither.
enum Clip: ONNXOperator {
    static let versions = [1, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        if node.version == 1 {
            let (low, high) = (try node.float("min"), try node.float("max"))
            return [try x.clamped(low.map { try .constant($0, like: x) }, high.map { try .constant($0, like: x) })]
        }
        let bounds = try (1...2).map { try node.optional($0)?.reshaped(to: []) }
        return [try x.clamped(bounds[0], bounds[1])]
    }
}
