import MartletIR
import MartletLibrary

enum RMSNormalization: ONNXOperator {
    static let versions = [23]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: -1), rank: try x.rank)
        return [
            try x.rmsNormalized(
                axis: axis, scale: node.input(1), epsilon: node.float("epsilon", default: 1e-5),
                stash: node.stashType(for: x))
        ]
    }
}
