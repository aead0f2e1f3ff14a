import MartletIR
import MartletLibrary

enum Tan: ONNXOperator {
    static let versions = [7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).tan()] }
}

enum Asin: ONNXOperator {
    static let versions = [7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).asin()] }
}

enum Acos: ONNXOperator {
    static let versions = [7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).acos()] }
}

enum Atan: ONNXOperator {
    static let versions = [7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).atan()] }
}

enum Sinh: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).sinh()] }
}

enum Cosh: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).cosh()] }
}

enum Asinh: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).asinh()] }
}

enum Acosh: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).acosh()] }
}

enum Atanh: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).atanh()] }
}
