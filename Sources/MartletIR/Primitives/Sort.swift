public import MartletCore

/// `sort`: the first `count` elements along an axis in order, and their positions as `i64`.
///
/// Stable in both directions: equal elements keep ascending positions. NaN is greatest; -0 equals +0.
public struct Sort: Operation {
    public static let name = "sort"
    public let axis: Int
    public let descending: Bool
    /// Elements kept; at most the axis' extent.
    public let count: IntExpr

    /// Makes a sort that keeps `count` elements.
    public init(axis: Int, descending: Bool, count: IntExpr) {
        self.axis = axis
        self.descending = descending
        self.count = count
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            axis: try attributes.int("axis"), descending: try attributes.flag("descending"),
            count: try attributes.dim("count"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("axis", .int(axis)), Attribute("descending", .flag(descending)),
            Attribute("count", .dim(count)),
        ]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard (0..<operands[0].rank).contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(operands[0].rank)")
        }
        guard operands[0].element.isOrdered else {
            throw Diagnostic("type.elements", "elements of type \(operands[0].element.name) have no order")
        }
        let left = scope.simplify(operands[0].shape[axis] - count).bounds(scope.ranges)
        guard left.upper ?? 0 >= 0, scope.simplify(count).bounds(scope.ranges).upper ?? 0 >= 0 else {
            throw Diagnostic("type.sort-count", "there are not as many elements along axis \(axis) as asked for")
        }
        let excess = IntExpr.max(count - operands[0].shape[axis], 0)
        try scope.require(excess, equals: 0, "elements of a sort beyond axis \(axis)")
        var shape = operands[0].shape
        shape[axis] = scope.simplify(count)
        return [TensorType(operands[0].element, shape), TensorType(.int64, shape)]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        try SortEvaluation.sort(
            operands[0], axis: axis, descending: descending, count: try context.value(of: count))
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        .sort(axis: axis, descending: descending)
    }
}
