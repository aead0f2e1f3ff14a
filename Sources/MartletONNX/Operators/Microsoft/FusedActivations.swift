import MartletCore
import MartletIR
import MartletLibrary

enum MicrosoftGelu: ONNXOperator {
    static let domain = "com.microsoft"
    static let name = "Gelu"
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).inWideType { try $0.gelu() }]
    }
}

/// The approximation by tanh, of the operand and a bias that may be left out.
enum FastGelu: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let sum = try node.optional(1).map { try Tensor.elementwise(.add, [x, $0]) } ?? x
        return [try sum.inWideType { try $0.gelu(tanh: true) }]
    }
}

enum BiasGelu: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let sum = try Tensor.elementwise(.add, [try node.input(0), try node.input(1)])
        return [try sum.inWideType { try $0.gelu() }]
    }
}

/// x / (1 + exp(-alpha·x)).
enum QuickGelu: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let alpha = try node.float("alpha", default: 1.702)
        return [try node.input(0).inWideType { try ($0 * ($0 * alpha).sigmoid()).checked() }]
    }
}
