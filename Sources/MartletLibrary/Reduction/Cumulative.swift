import MartletCore
public import MartletIR

extension Tensor {
    /// Running combination along `axis`.
    ///
    /// - Parameters:
    ///   - combiner: `sum` or `prod`.
    ///   - isExclusive: whether an element counts only for those behind it.
    ///   - isReversed: whether it runs from the last element to the first.
    public func cumulated(
        _ combiner: Combiner, axis: Int, isExclusive: Bool, isReversed: Bool
    ) throws -> Tensor {
        let size = Sizes.simplified(try shape[axis])
        var x = self
        if isReversed { x = try x.reversed(axis: axis, size) }
        if isExclusive { x = try x.delayed(axis: axis, size, by: .constant(combiner == .prod ? 1 : 0, like: self)) }
        let result = try x.cumulated(combiner, axis: axis)
        return isReversed ? try result.reversed(axis: axis, size) : result
    }

    private func reversed(axis: Int, _ size: IntExpr) throws -> Tensor {
        try sliced(axis: axis, start: size - 1, size: size, step: -1)
    }

    /// The elements moved on by one place, `value` in the first.
    private func delayed(axis: Int, _ size: IntExpr, by value: Tensor) throws -> Tensor {
        var low = [IntExpr](repeating: 0, count: try rank)
        let high = low
        low[axis] = 1
        return try padded(low: low, high: high, with: value).sliced(axis: axis, start: 0, size: size)
    }
}
