public import MartletCore

/// `transpose`: axis `k` of the result is axis `permutation[k]` of the operand.
public struct Transpose: Operation {
    public static let name = "transpose"
    public static let ruleNames = ["transpose-identity", "transpose-twice"]
    public let permutation: [Int]

    public init(_ permutation: [Int]) { self.permutation = permutation }
    public init(_ attributes: AttributeReader) throws { self.init(try attributes.ints("perm")) }
    public var attributes: [Attribute] { [Attribute("perm", .ints(permutation))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard permutation.sorted() == Array(0..<operands[0].rank) else {
            throw Diagnostic(
                "type.permutation", "\(permutation) is no permutation of the \(operands[0].rank) axes")
        }
        return [TensorType(operands[0].element, permutation.map { operands[0].shape[$0] })]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ViewEvaluation.transpose(operands[0], permutation)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var index = [IntExpr](repeating: 0, count: permutation.count)
        for (axis, source) in permutation.enumerated() { index[source] = IntExpr(Symbol.axis(axis)) }
        return .view(of: operands[0], index: index, as: results[0])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands)
    }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        if permutation == Array(permutation.indices), builder.rules.allows("transpose-identity") {
            builder.rules.count("transpose-identity")
            return operands
        }
        guard builder.rules.allows("transpose-twice"), let inner = builder.definition(of: operands[0]),
            let first = inner.operation as? Transpose, first.permutation.count == permutation.count
        else { return nil }
        builder.rules.count("transpose-twice")
        return try builder.add(Transpose(permutation.map { first.permutation[$0] }), inner.operands)
    }
}
