public import MartletCore

/// `slice`: element `i` of the result is element `start + i·step` of the operand, along each axis.
///
/// All elements that it reads must exist: proved when the node is added, or checked when the program runs.
public struct Slice: Operation {
    public static let name = "slice"
    public static let ruleNames = ["slice-full"]
    /// First position on each axis.
    public let start: [IntExpr]
    /// Extents of the result.
    public let size: [IntExpr]
    /// Distance of positions on each axis; not 0, negative to reverse.
    public let step: [IntExpr]

    /// Makes a slice; the lists have an entry for each axis of the operand.
    public init(start: [IntExpr], size: [IntExpr], step: [IntExpr]) {
        self.start = start
        self.size = size
        self.step = step
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            start: try attributes.dims("start"), size: try attributes.dims("size"), step: try attributes.dims("step"))
    }

    public var attributes: [Attribute] {
        [Attribute("start", .dims(start)), Attribute("size", .dims(size)), Attribute("step", .dims(step))]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        let rank = operands[0].rank
        guard start.count == rank, size.count == rank, step.count == rank else {
            throw Diagnostic("type.axes", "a slice of rank \(start.count) does not fit a tensor of rank \(rank)")
        }
        guard step.allSatisfy({ $0 != 0 }) else { throw Diagnostic("type.step", "the step of a slice is 0") }
        for (axis, extent) in operands[0].shape.enumerated() { try requireInside(axis, extent, scope) }
        return [TensorType(operands[0].element, size.map(scope.simplify))]
    }

    /// Requires that the count of positions outside is 0, unless the slice is empty.
    private func requireInside(_ axis: Int, _ extent: IntExpr, _ scope: any TypeScope) throws {
        if start[axis] == 0, step[axis] == 1, size[axis] == extent { return }
        let (first, last) = (start[axis], start[axis] + (size[axis] - 1) * step[axis])
        let isUp = step[axis].constant.map { $0 > 0 }
        let lowest = isUp == nil ? IntExpr.min(first, last) : isUp == true ? first : last
        let highest = isUp == nil ? IntExpr.max(first, last) : isUp == true ? last : first
        let outside = IntExpr.max(0, IntExpr.max(-lowest, highest - extent + 1))
        let excess = scope.simplify(outside) * scope.simplify(IntExpr.min(size[axis], 1))
        try scope.require(excess, equals: 0, "positions of a slice outside axis \(axis)")
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let (first, sizes) = (try context.values(of: start), try context.values(of: size))
        return [try ViewEvaluation.slice(operands[0], start: first, size: sizes, step: try context.values(of: step))]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        let variables = LoopForm.variables(results[0].rank)
        let index = variables.indices.map { start[$0] + variables[$0] * step[$0] }
        return .view(of: operands[0], index: index, as: results[0])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands)
    }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        let isFull = start.allSatisfy { $0 == 0 } && step.allSatisfy { $0 == 1 }
        guard isFull, builder.type(of: operands[0]).shape == size, builder.rules.allows("slice-full")
        else { return nil }
        builder.rules.count("slice-full")
        return operands
    }
}
