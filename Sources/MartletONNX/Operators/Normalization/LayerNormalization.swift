import MartletCore
import MartletIR
import MartletLibrary

enum LayerNormalization: ONNXOperator {
    static let versions = [17]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let type = try x.element
        let stash = try node.elementType("stash_type") ?? .float32
        // Never less exact than the operand.
        let inner = stash.bitWidth < type.bitWidth ? type : stash
        let normalized = try x.layerNormalized(
            axis: try node.axis(try node.int("axis", default: -1), rank: try x.rank), scale: try node.input(1),
            bias: try node.optional(2), epsilon: try node.float("epsilon", default: 1e-5), stash: inner)
        return [
            normalized.result, try normalized.mean.cast(to: stash), try normalized.inverseDeviation.cast(to: stash),
        ]
    }
}
