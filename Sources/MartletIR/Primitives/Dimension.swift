public import MartletCore

/// `dimension`: a size expression as an `i64` scalar.
public struct Dimension: Operation {
    public static let name = "dimension"
    public static let ruleNames = ["dimension-constant"]
    /// The size.
    public let expression: IntExpr

    /// Makes a scalar of a size expression.
    public init(_ expression: IntExpr) { self.expression = expression }
    public init(_ attributes: AttributeReader) throws { self.init(try attributes.dim("of")) }
    public var attributes: [Attribute] { [Attribute("of", .dim(expression))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 0)
        return [TensorType(.int64, [])]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [HostTensor(scalar: Int64(try context.value(of: expression)))]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        let root = body.add(.index(expression))
        return .loops([LoopForm(axes: [], body: body, root: root)])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? { [expression] }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        guard let value = builder.simplify(expression).constant, builder.rules.allows("dimension-constant")
        else { return nil }
        builder.rules.count("dimension-constant")
        return [try builder.add(constant: HostTensor(scalar: Int64(value)))]
    }
}
