import MartletIR
import MartletLibrary

/// `com.microsoft.BiasAdd`: X + bias + skip, with bias along the last axis.
enum BiasAdd: ONNXOperator {
    static let domain = "com.microsoft"
    static let versions = [1]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let biased = try Tensor.elementwise(.add, [node.input(0), node.input(1)])
        return [try Tensor.elementwise(.add, [biased, node.input(2)])]
    }
}
