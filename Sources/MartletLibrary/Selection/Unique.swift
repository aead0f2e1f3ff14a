import MartletCore
public import MartletIR

/// The different slices of a tensor along an axis.
public struct UniqueSlices {
    /// The slices.
    public let values: Tensor
    /// Where each occurs first, `i64`.
    public let first: Tensor
    /// For each slice of the tensor its place among `values`, `i64`.
    public let inverse: Tensor
    /// How often each occurs, `i64`.
    public let counts: Tensor
}

extension Tensor {
    /// The different slices along axis 0, in ascending order (elements compared one after the other) or in the order of
    /// their first occurrence. NaNs count as equal.
    public func uniqueSlices(sorted isSorted: Bool) throws -> UniqueSlices {
        let extents = try shape
        guard let total = extents.first.map(Sizes.simplified) else {
            throw Diagnostic("type.rank", "a scalar has no slices")
        }
        let width = extents.dropFirst().reduce(IntExpr(1)) { $0 * $1 }
        let rows = try reshaped(to: [total, Sizes.simplified(width)])
        let order = try rows.rowOrder()
        let isNew = try rows.gathered([order], axes: [0], mode: .check).differsFromPrevious()
        let group = try isNew.cast(to: .int64).cumulated(.sum, axis: 0) - 1
        let starts = try isNew.truePositions()
        let first = try order.gathered([starts], axes: [0], mode: .check)
        let zeros = try Tensor.number(0).broadcast(to: [total], axes: [])
        let inverse = try zeros.scattered([order], updates: group, axes: [0], mode: .set)
        let none = try Tensor.number(0).broadcast(to: starts.shape, axes: [])
        let ones = try Tensor.number(1).broadcast(to: [total], axes: [])
        let counts = try none.scattered([group], updates: ones, axes: [0], mode: .add)
        if isSorted {
            let values = try gathered([first], axes: [0], mode: .check)
            return UniqueSlices(values: values, first: first, inverse: inverse, counts: counts)
        }
        let (ordered, places) = try first.sorted(axis: 0)
        let ranks = try none.scattered(
            [places], updates: .iota(shape: starts.shape, axis: 0), axes: [0], mode: .set)
        return UniqueSlices(
            values: try gathered([ordered], axes: [0], mode: .check), first: ordered,
            inverse: try ranks.gathered([inverse], axes: [0], mode: .check),
            counts: try counts.gathered([places], axes: [0], mode: .check))
    }

    /// The order of the rows of a matrix, compared column by column: sorts by the last column first, stably.
    private func rowOrder() throws -> Tensor {
        let extents = try shape
        let start = try Tensor.iota(shape: [extents[0]], axis: 0)
        func sorted(_ order: Tensor, _ column: Tensor) throws -> Tensor {
            let keys = try column.gathered([order], axes: [0], mode: .check)
            return try order.gathered([keys.sorted(axis: 0).indices], axes: [0], mode: .check)
        }
        if Sizes.simplified(extents[1]) == 1 { return try reshaped(to: [extents[0]]).sorted(axis: 0).indices }
        let columns = try transposed([1, 0]).sliced(axis: 0, start: extents[1] - 1, size: extents[1], step: -1)
        return try Tensor.loop(trip: nil, condition: nil, states: [start], scanned: [columns]) { _, states, slices in
            (nil, [try sorted(states[0], slices[0])], [])
        }.states[0]
    }

    /// Whether each row of a matrix differs from the one before; the first one does.
    private func differsFromPrevious() throws -> Tensor {
        let extents = try shape
        let place = try Tensor.iota(shape: [extents[0]], axis: 0)
        let before = try gathered([try (place - 1).mapped(.max, .number(0))], axes: [0], mode: .clamp)
        var differs = try compared(.ne, before)
        if try element.isFloatingPoint {
            let areNaN = try compared(.ne, self).mapped(.and, before.compared(.ne, before))
            differs = try differs.mapped(.and, areNaN.mapped(.not))
        }
        return try differs.reduced(.or, axes: [1]).mapped(.or, place.compared(.eq, .number(0)))
    }
}
