public import MartletCore

/// `broadcast`: repeats a tensor along new axes and along axes of extent 1.
///
/// Axis `k` of the operand is axis `axes[k]` of the result and has its extent, or extent 1: proved when the node is
/// added, or checked when the program runs.
public struct Broadcast: Operation {
    public static let name = "broadcast"
    public static let ruleNames = ["broadcast-identity", "broadcast-twice"]
    /// Extents of the result.
    public let shape: [IntExpr]
    /// Result axis of each operand axis, strictly ascending.
    public let axes: [Int]

    /// Makes a broadcast to `shape`.
    public init(shape: [IntExpr], axes: [Int]) {
        self.shape = shape
        self.axes = axes
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(shape: try attributes.dims("shape"), axes: try attributes.ints("axes"))
    }

    public var attributes: [Attribute] { [Attribute("shape", .dims(shape)), Attribute("axes", .ints(axes))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        let ascending = zip(axes, axes.dropFirst()).allSatisfy { $0 < $1 }
        guard axes.count == operands[0].rank, ascending, axes.allSatisfy(shape.indices.contains) else {
            throw Diagnostic(
                "type.axes", "axes \(axes) do not place rank \(operands[0].rank) in rank \(shape.count)")
        }
        for (axis, extent) in zip(axes, operands[0].shape) {
            try Self.require(extent, fits: shape[axis], axis, scope)
        }
        return [TensorType(operands[0].element, shape.map(scope.simplify))]
    }

    private static func require(
        _ extent: IntExpr, fits target: IntExpr, _ axis: Int, _ scope: any TypeScope
    ) throws {
        if extent == 1 || extent == target { return }
        if extent.constant != nil { return try scope.require(extent, equals: target, "axis \(axis) of a broadcast") }
        // Zero exactly where the extent is 1 or the target.
        let excess = (extent - 1) * (extent - target)
        let size = target.constant.map(String.init) ?? "the size it meets"
        try scope.require(excess, equals: 0, "axis \(axis) of a broadcast, which is neither 1 nor \(size)")
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ViewEvaluation.broadcast(operands[0], to: try context.values(of: shape), axes: axes)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        let variables = LoopForm.variables(results[0].rank)
        let index = zip(axes, operands[0].shape).map { axis, extent -> IntExpr in
            if extent == 1 { return 0 }
            if extent == results[0].shape[axis] || extent.constant != nil { return variables[axis] }
            // Undecided: the stride is 0 where the extent turns out to be 1.
            return variables[axis] * IntExpr.min(extent - 1, 1)
        }
        return .view(of: operands[0], index: index, as: results[0])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands)
    }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        if builder.type(of: operands[0]).shape == shape, builder.rules.allows("broadcast-identity") {
            builder.rules.count("broadcast-identity")
            return operands
        }
        guard builder.rules.allows("broadcast-twice"), let inner = builder.definition(of: operands[0]),
            let first = inner.operation as? Broadcast
        else { return nil }
        builder.rules.count("broadcast-twice")
        return try builder.add(Broadcast(shape: shape, axes: first.axes.map { axes[$0] }), inner.operands)
    }
}
