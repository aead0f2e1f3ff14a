import MartletIR
import MartletLibrary

enum InstanceNormalization: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [
            try node.input(0).instanceNormalized(
                scale: node.input(1), bias: node.input(2), epsilon: node.float("epsilon", default: 1e-5))
        ]
    }
}
