public import MartletIR
public import MartletCore

/// Axes that are computed while the model runs: how many there are is known, which ones is not.
public struct DynamicAxes {
    /// The axes counted from the front, `i64[count]`.
    public let axes: Tensor
    /// How many there are.
    public let count: Int
    /// Rank of the tensor whose axes they are.
    public let rank: Int

    /// Axes from an integer scalar or vector; negative ones count from the end.
    ///
    /// - Throws: `type.dynamic-axes` where their number is not known.
    public init(_ axes: Tensor, rank: Int) throws {
        let type = try axes.type
        guard type.element.isInteger, type.rank <= 1, let count = Sizes.simplified(type.count).constant, count <= 64
        else { throw Diagnostic("type.dynamic-axes", "the number of axes is not known before the model runs") }
        self.axes = try axes.cast(to: .int64).reshaped(to: [IntExpr(count)]).wrapped(below: IntExpr(rank))
        (self.count, self.rank) = (count, rank)
    }

    /// Whether an axis is among them, `bool[]`.
    public func contains(_ axis: Int) throws -> Tensor {
        try axes.compared(.eq, .number(axis)).reduced(.or, axes: [0])
    }

    /// The entry of `values`, one an axis of this list, that belongs to `axis`; `other` if it is not in the list.
    public func entry(of values: Tensor, for axis: Int, otherwise other: Tensor) throws -> Tensor {
        let hits = try axes.compared(.eq, .number(axis))
        let sum = try Tensor.select(hits, values.cast(to: .int64), .number(0)).reduced(.sum, axes: [0])
        return try Tensor.select(contains(axis), sum, other)
    }
}

extension Tensor {
    /// An integer as `i64[]`.
    public static func number(_ value: Int) -> Tensor { Tensor(HostTensor(scalar: Int64(value))) }

    /// Without these axes, each of which has extent 1 when the program runs.
    public func squeezed(axes: DynamicAxes) throws -> Tensor {
        let kept = axes.rank - axes.count
        guard kept >= 0 else { throw Diagnostic("type.axes", "\(axes.count) axes of a tensor of rank \(axes.rank)") }
        if kept == 0 { return try reshaped(to: []) }
        let all = try Tensor.concatenate((0..<axes.rank).map { try axes.contains($0).reshaped(to: [1]) }, axis: 0)
        // A stable sort brings the axes that stay to the front in their order.
        let order = try all.cast(to: .int64).sorted(axis: 0, count: IntExpr(kept)).indices
        return try reshaped(
            to: Tensor.dimensions(shape).gathered([order], axes: [0], mode: .check).read(upper: largest))
    }

    /// An upper bound of all extents.
    private var largest: IntExpr {
        get throws { Sizes.simplified(try shape.reduce(0) { .max($0, $1) }) }
    }

    /// With axes of extent 1 at these places of the result.
    public func unsqueezed(axes: DynamicAxes) throws -> Tensor {
        let places = try (0..<axes.rank).map { place -> Tensor in
            let before = try axes.axes.compared(.lt, .number(place)).cast(to: .int64).reduced(.sum, axes: [0])
            let own = try (.number(place) - before).mapped(.max, .number(0))
            let extents = try Tensor.dimensions(shape + [1])
            let extent = try extents.gathered([own], axes: [0], mode: .clamp)
            return try Tensor.select(axes.contains(place), .number(1), extent).reshaped(to: [1])
        }
        return try reshaped(
            to: places.isEmpty ? [] : Tensor.concatenate(places, axis: 0).read(upper: IntExpr.max(largest, 1)))
    }

    /// The elements of an integer vector of known length as sizes, which are read when the program runs.
    public func read(_ name: String = "size", lower: Int = 0, upper: IntExpr? = nil) throws -> [IntExpr] {
        if let known = symbolicValues { return known.map(Sizes.simplified) }
        guard let recorder = Recorder.current, let count = try type.count.constant else {
            throw Diagnostic("type.sizes", "the number of sizes is not known before the model runs")
        }
        return try (0..<count).map { position in
            let element = try sliced(start: [IntExpr(position)], size: [1]).reshaped(to: [])
            return try recorder.bind(element, "\(name)_\(position)", lower: lower, upper: upper)
        }
    }
}
