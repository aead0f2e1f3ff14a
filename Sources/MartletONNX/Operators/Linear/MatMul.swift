import MartletIR
import MartletLibrary

enum MatMul: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).matmul(try node.input(1))]
    }
}

enum Gemm: ONNXOperator {
    /// C must be broadcast by an attribute before version 7, and may be left out from version 11 on.
    static let versions = [1, 7, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let result = try node.input(0).gemm(
            try node.input(1), try node.optional(2), alpha: try node.float("alpha", default: 1),
            beta: try node.float("beta", default: 1), transposeA: try node.flag("transA"),
            transposeB: try node.flag("transB"))
        return [result]
    }
}
