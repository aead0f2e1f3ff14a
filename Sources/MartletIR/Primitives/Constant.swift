public import MartletCore

/// `constant`: a literal or a weight.
public struct Constant: Operation {
    public static let name = "constant"
    private let value: ConstantTensor

    /// Makes a constant of a tensor.
    public init(_ tensor: HostTensor) { value = ConstantTensor(tensor) }

    public init(_ attributes: AttributeReader) throws { self.init(try attributes.tensor("value")) }

    /// The value.
    public var tensor: HostTensor { value.tensor }
    public var attributes: [Attribute] { [Attribute("value", .tensor(value))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 0)
        return [TensorType(tensor.type, tensor.shape.map { IntExpr($0) })]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [tensor]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm { .constant(tensor) }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        guard let values = try? tensor.ints() else { return nil }
        return values.map { IntExpr(Int($0)) }
    }
}
