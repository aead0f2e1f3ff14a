public import MartletCore

/// `map`: one scalar function applied element by element.
///
/// Operands have equal shapes, or are 0-d and stand for their broadcast; at least one operand has the result's shape.
public struct Map: Operation {
    public static let name = "map"
    public static let ruleNames = ["map-neutral", "map-same-type", "map-twice", "map-not-equal"]

    /// The function.
    public let function: ScalarOp
    /// Result type of `cast` and `bitcast`.
    public let target: ElementType?

    /// Makes a map of a function whose result type follows from its operands.
    public init(_ function: ScalarOp, to target: ElementType? = nil) {
        self.function = function
        self.target = target
    }

    public init(_ attributes: AttributeReader) throws {
        let word = try attributes.word("op")
        guard let function = ScalarOp(rawValue: word) else {
            throw Diagnostic("text.attribute", "'\(word)' is no scalar function")
        }
        self.init(function, to: function == .cast || function == .bitcast ? try attributes.type("to") : nil)
    }

    public var attributes: [Attribute] {
        var list = [Attribute("op", .word(function.rawValue))]
        if let target { list.append(Attribute("to", .type(target))) }
        return list
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: function.arity)
        let shape = try commonShape(operands, scope)
        return [TensorType(try resultElement(operands.map(\.element)), shape)]
    }

    private func commonShape(_ operands: [TensorType], _ scope: any TypeScope) throws -> [IntExpr] {
        guard let widest = operands.max(by: { $0.rank < $1.rank }) else { return [] }
        for operand in operands where operand.rank != 0 {
            guard operand.rank == widest.rank else {
                throw Diagnostic("type.ranks-differ", "operands of ranks \(operand.rank) and \(widest.rank)")
            }
            for (axis, (left, right)) in zip(widest.shape, operand.shape).enumerated() {
                try scope.require(left, equals: right, "axis \(axis) of operands of '\(function.rawValue)'")
            }
        }
        return widest.shape
    }

    private func resultElement(_ elements: [ElementType]) throws -> ElementType {
        if function == .select {
            guard elements[0] == .bool, elements[1] == elements[2] else { throw mismatch(elements) }
            return elements[1]
        }
        if let target {
            if function == .bitcast, target.bitWidth != elements[0].bitWidth { throw mismatch(elements) }
            return target
        }
        guard elements.allSatisfy({ $0 == elements[0] }) else { throw mismatch(elements) }
        return function.isComparison ? .bool : elements[0]
    }

    private func mismatch(_ elements: [ElementType]) -> Diagnostic {
        Diagnostic(
            "type.elements",
            "'\(function.rawValue)' does not take \(elements.map(\.name).joined(separator: ", "))")
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ScalarEvaluation.apply(function, operands, to: try resultElement(operands.map(\.type)))]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        let variables = LoopForm.variables(results[0].rank)
        let loads = operands.enumerated().map { position, type in
            body.add(.load(operand: position, index: type.rank == 0 ? [] : variables, type: type.element))
        }
        let root = body.add(.apply(function, loads, type: results[0].element))
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        guard operands.allSatisfy({ $0.type.element.isInteger || $0.type.element == .bool }) else { return nil }
        let lists = operands.compactMap(\.values)
        guard lists.count == operands.count, let count = lists.map(\.count).max() else { return nil }
        if lists.contains(where: \.isEmpty) { return [] }
        var result: [IntExpr] = []
        for position in 0..<count {
            let arguments = lists.map { $0.count == 1 ? $0[0] : $0[position] }
            guard let value = symbolicValue(arguments) else { return nil }
            result.append(value)
        }
        return result
    }

    private func symbolicValue(_ arguments: [IntExpr]) -> IntExpr? {
        switch function {
        case .add: return arguments[0] + arguments[1]
        case .sub: return arguments[0] - arguments[1]
        case .mul: return arguments[0] * arguments[1]
        case .neg: return -arguments[0]
        case .max: return IntExpr.max(arguments[0], arguments[1])
        case .min: return IntExpr.min(arguments[0], arguments[1])
        case .cast: return target?.isInteger == true ? arguments[0] : nil
        case .div: return quotient(arguments)
        default: return nil
        }
    }

    /// Division toward zero equals floor division where neither side can be negative.
    private func quotient(_ arguments: [IntExpr]) -> IntExpr? {
        guard let divisor = arguments[1].constant, divisor > 0,
            let lower = arguments[0].bounds(SymbolRanges()).lower, lower >= 0
        else { return nil }
        return arguments[0].floorDivided(by: arguments[1])
    }
}
