import MartletIR
import MartletLibrary

enum Einsum: ONNXOperator {
    static let versions = [12]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let equation = try EinsumEquation(try node.required("equation", try node.string("equation")))
        return [try Tensor.einsum(equation, node.inputs)]
    }
}

enum Det: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).determinant()] }
}
