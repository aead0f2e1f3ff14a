import MartletCore
import MartletIR
import MartletLibrary

/// Version 18 has a scale for each group, 21 for each channel, and the attribute `stash_type`.
enum GroupNormalization: ONNXOperator {
    static let versions = [18, 21]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let stash = try node.stashType(for: x)
        let groups = try node.required("num_groups", try node.int("num_groups"))
        return [
            try x.groupNormalized(
                groups: groups, scale: node.input(1), bias: node.input(2), isPerGroup: node.version == 18,
                epsilon: node.float("epsilon", default: 1e-5), stash: stash)
        ]
    }
}

extension ImportedNode {
    /// The element type in which statistics are computed, never less exact than the operand.
    func stashType(for x: Tensor) throws -> ElementType {
        let (stash, type) = (try elementType("stash_type") ?? .float32, try x.element)
        return stash.bitWidth < type.bitWidth ? type : stash
    }
}
