import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The one result of a scalar function of one operand.
    func unary(_ function: ScalarOp) throws -> [Tensor?] { [try input(0).mapped(function)] }
}

enum Abs: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.abs) }
}

enum Neg: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.neg) }
}

enum Sign: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.sign) }
}

enum Floor: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.floor) }
}

enum Ceil: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.ceil) }
}

/// Halves go to the even neighbour.
enum Round: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.round) }
}

enum Exp: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.exp) }
}

enum Log: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.log) }
}

enum Sqrt: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.sqrt) }
}

enum Sin: ONNXOperator {
    static let versions = [7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.sin) }
}

enum Cos: ONNXOperator {
    static let versions = [7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.cos) }
}

enum Tanh: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.tanh) }
}

enum Erf: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.erf) }
}

enum Reciprocal: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).reciprocal()] }
}

enum Relu: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).relu()] }
}

enum Sigmoid: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).sigmoid()] }
}
