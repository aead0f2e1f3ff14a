public import MartletCore

/// `concat`: one or more tensors one after the other along an axis; their other extents are equal.
public struct Concat: Operation {
    public static let name = "concat"
    public static let ruleNames = ["concat-one"]
    /// The axis along which the tensors follow each other.
    public let axis: Int

    /// Makes a concatenation along `axis`.
    public init(axis: Int) { self.axis = axis }
    public init(_ attributes: AttributeReader) throws { self.init(axis: try attributes.int("axis")) }
    public var attributes: [Attribute] { [Attribute("axis", .int(axis))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        guard let first = operands.first, (0..<first.rank).contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit the operands of 'concat'")
        }
        var shape = first.shape
        for operand in operands.dropFirst() {
            guard operand.rank == first.rank, operand.element == first.element else {
                let (left, right) = (first.text(\.description), operand.text(\.description))
                throw Diagnostic("type.concat", "\(left) and \(right) cannot be concatenated")
            }
            for other in shape.indices where other != axis {
                try scope.require(shape[other], equals: operand.shape[other], "axis \(other) of operands of 'concat'")
            }
            shape[axis] += operand.shape[axis]
        }
        shape[axis] = scope.simplify(shape[axis])
        return [TensorType(first.element, shape)]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ViewEvaluation.concatenate(operands, axis: axis)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        let variables = LoopForm.variables(results[0].rank)
        var body = ScalarBody()
        var pieces: [(node: Int, range: IndexGuard)] = []
        var offset: IntExpr = 0
        for (number, operand) in operands.enumerated() {
            var index = variables
            index[axis] = variables[axis] - offset
            let node = body.add(.load(operand: number, index: index, type: operand.element))
            pieces.append((node, IndexGuard(index[axis], below: operand.shape[axis])))
            offset += operand.shape[axis]
        }
        guard var root = pieces.popLast()?.node else { throw Diagnostic("type.concat", "nothing to concatenate") }
        // Inside out: what is not in the first operand is looked for in the second, and so on.
        for piece in pieces.reversed() {
            root = body.add(.guarded([piece.range], value: piece.node, otherwise: root))
        }
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands)
    }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        guard operands.count == 1, builder.rules.allows("concat-one") else { return nil }
        builder.rules.count("concat-one")
        return operands
    }
}
