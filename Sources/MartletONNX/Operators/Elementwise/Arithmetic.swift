import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The two operands of a binary operator. Before version 7 of the operator set the second one was aligned at an
    /// attribute `axis`, and only if `broadcast` was set.
    func operandPair(broadcastSince newer: Int = 7) throws -> [Tensor] {
        let (a, b) = (try input(0), try input(1))
        guard version < newer, try flag("broadcast"), let first = try int("axis") else { return [a, b] }
        let (rank, own) = (try a.rank, try b.rank)
        let trailing = rank - (try axis(first, rank: rank)) - own
        guard trailing >= 0 else { throw Diagnostic("onnx.axis", "axis \(first) does not fit the operands") }
        return [a, try b.reshaped(to: b.shape + Array(repeating: 1, count: trailing))]
    }

    /// The one result of a binary operator.
    func binary(_ function: ScalarOp) throws -> [Tensor?] {
        [try Tensor.elementwise(function, operandPair())]
    }

    /// The one result of an operator that combines any number of operands, from the left.
    func variadic(_ function: ScalarOp) throws -> [Tensor?] {
        let operands = try inputs
        guard let first = operands.first else { throw Diagnostic("onnx.input", "input 0 is missing") }
        return [try operands.dropFirst().reduce(first) { try Tensor.elementwise(function, [$0, $1]) }]
    }
}

enum Add: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.add) }
}

enum Sub: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.sub) }
}

enum Mul: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.mul) }
}

enum Div: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.binary(.div) }
}

enum Max: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.variadic(.max) }
}

enum Min: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.variadic(.min) }
}

enum Sum: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.variadic(.add) }
}
