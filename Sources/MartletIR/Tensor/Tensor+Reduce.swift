public import MartletCore

extension Tensor {
    /// Combines all elements along `axes`; `keepingAxes` leaves them with extent 1.
    public func reduced(_ combiner: Combiner, axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
        let result = try Tensor.apply(Reduce(combiner, axes: axes), self)
        return keepingAxes ? try result.reshaped(to: shape(keeping: axes)) : result
    }

    /// Row-major position, as `i64`, of the extreme element along `axes`; of equal ones the first or the last.
    public func argReduced(
        maximum: Bool, axes: [Int], lastTie: Bool = false, keepingAxes: Bool = false
    ) throws -> Tensor {
        let result = try Tensor.apply(ArgReduce(maximum: maximum, axes: axes, lastTie: lastTie), self)
        return keepingAxes ? try result.reshaped(to: shape(keeping: axes)) : result
    }

    private func shape(keeping axes: [Int]) throws -> [IntExpr] {
        try shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
    }

    /// Running combination along `axis`, inclusive.
    public func cumulated(_ combiner: Combiner, axis: Int) throws -> Tensor {
        try Tensor.apply(Cumulate(combiner, axis: axis), self)
    }

    /// The first `count` elements along `axis` in stable order, and their positions as `i64`; all by default.
    public func sorted(
        axis: Int, descending: Bool = false, count: IntExpr? = nil
    ) throws -> (values: Tensor, indices: Tensor) {
        let extents = try shape
        guard extents.indices.contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(extents.count)")
        }
        let sort = Sort(axis: axis, descending: descending, count: count ?? extents[axis])
        let results = try Tensor.apply(sort, [self])
        return (results[0], results[1])
    }

    /// This tensor with `updates` combined into it at the coordinates that `indices` hold for `axes`.
    ///
    /// `updates` has the shape that gathering at these indices would have. Indices out of range are an error if
    /// `checked`, else their updates are dropped.
    public func scattered(
        _ indices: [Tensor], updates: Tensor, axes: [Int], mode: ScatterForm.Mode, checked: Bool = true
    ) throws -> Tensor {
        try Tensor.apply(Scatter(axes: axes, mode: mode, checked: checked), [self] + indices + [updates])[0]
    }
}
