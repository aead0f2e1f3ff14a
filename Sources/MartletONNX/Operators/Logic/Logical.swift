import MartletIR
import MartletLibrary

enum And: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.and) }
}

enum Or: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.or) }
}

enum Xor: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.xor) }
}

enum Not: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.not) }
}
