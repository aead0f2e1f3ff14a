import MartletCore
import MartletIR
import MartletLibrary

enum BitwiseAnd: ONNXOperator {
    static let versions = [18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.and) }
}

enum BitwiseOr: ONNXOperator {
    static let versions = [18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.or) }
}

enum BitwiseXor: ONNXOperator {
    static let versions = [18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.xor) }
}

enum BitwiseNot: ONNXOperator {
    static let versions = [18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.unary(.not) }
}

/// Version 28 says what amounts out of range give, which holds for 11 as well.
enum BitShift: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        switch try node.required("direction", try node.string("direction")) {
        case "LEFT": return try node.binary(.shl)
        case "RIGHT": return try node.binary(.shr)
        case let other: throw Diagnostic("onnx.attribute", "direction '\(other)' is unknown")
        }
    }
}

enum BitCast: ONNXOperator {
    static let versions = [26]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let type = try node.required("to", try node.elementType("to"))
        guard try x.element != .string, type.bitWidth == (try x.element.bitWidth) else {
            throw Diagnostic("onnx.cast", "\(try x.element.name) and \(type.name) differ in width")
        }
        return [try x.bitcast(to: type)]
    }
}
