public import MartletCore
public import MartletIR

/// What stands in the border that padding adds.
public enum PaddingMode: String, Sendable {
    /// One value.
    case constant
    /// The tensor mirrored at its first and last element, which are not repeated.
    case reflect
    /// The first and last element.
    case edge
    /// The tensor again and again.
    case wrap
}

extension Tensor {
    /// The tensor with `low` elements before and `high` behind along each axis; negative numbers cut.
    ///
    /// - Parameter value: the 0-d value of mode `constant`; 0 by default.
    public func padded(_ mode: PaddingMode, low: [IntExpr], high: [IntExpr], value: Tensor? = nil) throws -> Tensor {
        if mode == .constant { return try padded(low: low, high: high, with: value ?? Tensor(0, as: element)) }
        var result = self
        for axis in low.indices { result = try result.padded(mode, axis: axis, low[axis], high[axis]) }
        return result
    }

    private func padded(_ mode: PaddingMode, axis: Int, _ low: IntExpr, _ high: IntExpr) throws -> Tensor {
        if low == 0 && high == 0 { return self }
        let size = Sizes.simplified(try shape[axis])
        if let before = low.constant, let after = high.constant, before >= 0, after >= 0,
            Self.isBorderInside(mode, size, max(before, after))
        {
            return try bordered(mode, axis, size, IntExpr(before), IntExpr(after))
        }
        let positions = try Tensor.iota(shape: [Sizes.simplified(low + size + high)], axis: 0) - .dimension(low)
        let index = try positions.folded(mode, below: size)
        return try gathered([index], axes: [axis], mode: .check).movingIndexAxes(1, to: axis)
    }

    /// Whether a border takes elements from the tensor once only. An unknown size is required to be large enough.
    private static func isBorderInside(_ mode: PaddingMode, _ size: IntExpr, _ border: Int) -> Bool {
        let most = size.bounds(Sizes.ranges).upper ?? .max
        switch mode {
        case .reflect: return most > border
        case .wrap: return most >= border
        case .constant, .edge: return most > 0
        }
    }

    private func bordered(
        _ mode: PaddingMode, _ axis: Int, _ size: IntExpr, _ low: IntExpr, _ high: IntExpr
    ) throws -> Tensor {
        func part(_ start: IntExpr, _ count: IntExpr, _ step: IntExpr) throws -> Tensor? {
            count == 0 ? nil : try sliced(axis: axis, start: start, size: count, step: step)
        }
        let before: Tensor?, after: Tensor?
        switch mode {
        case .reflect: (before, after) = (try part(low, low, -1), try part(size - 2, high, -1))
        case .wrap: (before, after) = (try part(size - low, low, 1), try part(0, high, 1))
        case .constant, .edge:
            before = try repeating(at: 0, low, axis)
            after = try repeating(at: size - 1, high, axis)
        }
        return try Tensor.concatenate([before, self, after].compactMap(\.self), axis: axis)
    }

    /// The slice at one position of an axis, `count` times.
    private func repeating(at position: IntExpr, _ count: IntExpr, _ axis: Int) throws -> Tensor? {
        if count == 0 { return nil }
        let slice = try sliced(axis: axis, start: position, size: 1)
        var extents = try slice.shape
        extents[axis] = count
        return try slice.expanded(to: extents)
    }

    /// Positions, some of them out of range, as those of the elements that stand there.
    private func folded(_ mode: PaddingMode, below size: IntExpr) throws -> Tensor {
        let last = try Tensor.dimension(size - 1)
        let zero = Tensor(HostTensor(scalar: Int64(0)))
        switch mode {
        case .constant, .edge: return try mapped(.max, zero).mapped(.min, last)
        case .wrap: return try floorRemainder(by: .dimension(size))
        case .reflect:
            // One period is 2(n-1) long; an axis of 1 has but one element to mirror.
            let period = try Tensor.dimension(.max(1, (size - 1) * 2))
            let phase = try floorRemainder(by: period)
            return try phase.mapped(.min, period - phase).mapped(.min, last)
        }
    }
}
