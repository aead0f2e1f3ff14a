import MartletCore
import MartletIR

/// One axis of a resampling.
struct ResampledAxis {
    let axis: Resampling.Axis
    private let resampling: Resampling
    /// Extent of the axis before.
    private let extent: IntExpr

    init(_ resampling: Resampling, _ axis: Resampling.Axis, _ extent: IntExpr) {
        (self.resampling, self.axis, self.extent) = (resampling, axis, Sizes.simplified(extent))
    }

    // MARK: Tables

    /// Tables of positions and weights up to this length are computed at once.
    private static let tableLimit = 1 << 18

    /// Computes what depends on sizes and scales only: at once, where they are known.
    private func tabulated<R>(_ body: () throws -> R) rethrows -> R {
        let numbers = [axis.scale, axis.length] + (axis.region.map { [$0.start, $0.end] } ?? [])
        let isKnown =
            numbers.allSatisfy { $0.concrete != nil } && extent.constant != nil
            && axis.size.constant ?? .max <= Self.tableLimit
        return isKnown ? try Recorder.$current.withValue(nil, operation: body) : try body()
    }

    // MARK: Coordinates

    private func number(_ value: Double) throws -> Tensor { try Tensor(value, as: .float32) }

    /// The coordinate in the tensor of each element of the result, f32.
    private func positions() throws -> Tensor {
        let place = try Tensor.iota(shape: [axis.size], axis: 0, type: .float32)
        let count = try Tensor.size(extent, as: .float32)
        let halves = (place + 0.5) / axis.scale - 0.5
        switch resampling.coordinates {
        case .halfPixel: return try halves.checked()
        case .halfPixelSymmetric:
            let adjustment = try Tensor.size(axis.size, as: .float32) / axis.length
            return try (halves + (count / 2) * (1 - adjustment)).checked()
        case .pytorchHalfPixel:
            let isLong = try Tensor.dimension(axis.size).compared(.gt, .dimension(1))
            return try Tensor.select(isLong, halves, number(0))
        case .alignCorners: return try (place * (count - 1) / lessOne(axis.length)).checked()
        case .asymmetric: return try (place / axis.scale).checked()
        case .halfPixelForNearest: return try ((place + 0.5) / axis.scale).checked()
        case .cropAndResize: return try cropped(place, count)
        }
    }

    private func cropped(_ place: Tensor, _ count: Tensor) throws -> Tensor {
        guard let region = axis.region else { throw Diagnostic("type.region", "the part of the axis is missing") }
        let size = try Tensor.size(axis.size, as: .float32)
        let last = count - 1
        let steps = try place * (region.end - region.start) * last / lessOne(size)
        let isOne = try size.compared(.eq, number(1))
        let middle = (region.start + region.end) * 0.5 * last
        return try Tensor.select(isOne, middle, (region.start * last + steps).checked())
    }

    /// One less than a length, 1 instead of 0.
    private func lessOne(_ length: Tensor) throws -> Tensor {
        try Tensor.select(length.compared(.eq, number(1)), number(1), length - 1)
    }

    /// Whether each coordinate lies in the tensor, where that counts.
    func isInside() throws -> Tensor? {
        guard resampling.coordinates == .cropAndResize else { return nil }
        return try tabulated {
            let places = try positions()
            let last = try Tensor.size(extent - 1, as: .float32)
            return try places.compared(.ge, number(0)).mapped(.and, places.compared(.le, last))
        }
    }

    // MARK: Nearest

    /// The nearest elements along the axis.
    func nearest(of x: Tensor) throws -> Tensor {
        guard case .nearest(let rounding) = resampling.filter else { return x }
        if let count = repetitions(rounding) { return try repeated(x, count) }
        let index = try tabulated { try rounded(positions(), rounding).cast(to: .int64) }
        return try taken(x, at: index)
    }

    private func rounded(_ places: Tensor, _ rounding: Resampling.Rounding) throws -> Tensor {
        switch rounding {
        case .floor: return try places.mapped(.floor)
        case .ceil: return try places.mapped(.ceil)
        case .preferFloor: return try (places - 0.5).mapped(.ceil)
        case .preferCeil: return try (places + 0.5).mapped(.floor)
        case .simple:
            let shrinks = try axis.scale.compared(.lt, number(1))
            return try Tensor.select(shrinks, places.mapped(.ceil), places.mapped(.floor))
        }
    }

    /// How often each element is repeated, where a whole scale makes the resampling just that.
    private func repetitions(_ rounding: Resampling.Rounding) -> Int? {
        guard let scale = try? axis.scale.concrete?.doubles().first, scale >= 1, scale < 1e6,
            scale == scale.rounded(), Sizes.simplified(extent * IntExpr(Int(scale))) == Sizes.simplified(axis.size)
        else { return nil }
        switch (resampling.coordinates, rounding) {
        case (.halfPixel, .preferFloor), (.halfPixel, .preferCeil), (.pytorchHalfPixel, .preferFloor),
            (.pytorchHalfPixel, .preferCeil), (.asymmetric, .floor), (.asymmetric, .simple),
            (.halfPixelForNearest, .floor):
            return Int(scale)
        case (.asymmetric, .preferFloor): return scale <= 2 ? Int(scale) : nil
        default: return nil
        }
    }

    private func repeated(_ x: Tensor, _ count: Int) throws -> Tensor {
        if count == 1 { return x }
        var (shape, merged) = (try x.shape, try x.shape)
        shape.insert(IntExpr(count), at: axis.axis + 1)
        merged[axis.axis] = axis.size
        return try x.broadcast(to: shape, axes: merged.indices.map { $0 <= axis.axis ? $0 : $0 + 1 }).reshaped(
            to: merged)
    }

    /// The elements at these positions, those out of range at the nearest end.
    private func taken(_ x: Tensor, at index: Tensor) throws -> Tensor {
        if let known = index.concrete, let count = extent.constant, count > 0 {
            let inside = try known.ints().map { Swift.min(Swift.max($0, 0), Int64(count - 1)) }
            return try x.taken(Tensor(HostTensor(inside, shape: known.shape)), axis: axis.axis)
        }
        return try x.gathered([index], axes: [axis.axis], mode: .clamp).movingIndexAxes(index.rank, to: axis.axis)
    }

    // MARK: Weights

    /// Sums of weighted elements along the axis.
    func weighted(of x: Tensor) throws -> Tensor {
        let taps = try taps()
        let weights = try tabulated { try self.weights(taps) }
        let type = try x.element
        let sum = try zip(taps.indices, weights).map { index, weight -> Tensor in
            let elements = try taken(x, at: index)
            let along = try weight.cast(to: type).broadcast(
                to: elements.shape, axes: weight.rank == 1 ? [axis.axis] : [axis.axis, axis.axis + 1])
            return elements * along
        }
        let total = try sum.dropFirst().reduce(sum[0]) { try ($0 + $1).checked() }
        return taps.isTable ? try total.reduced(.sum, axes: [axis.axis + 1]) : total
    }

    /// The elements that count for each element of the result: one vector of positions a tap, or all as a table with
    /// the taps along its second axis.
    private struct Taps {
        var isTable: Bool
        var places: Tensor
        var indices: [Tensor]
    }

    private func taps() throws -> Taps {
        var reach = IntExpr(1)
        if case .cubic = resampling.filter { reach = 2 }
        if resampling.antialiases { reach = try widened(reach) }
        return try tabulated {
            let places = try positions()
            let base = try places.mapped(.floor).cast(to: .int64)
            if let constant = reach.constant, constant <= 2 {
                let offsets = (1 - constant...constant).map { Tensor(HostTensor(scalar: Int64($0))) }
                return Taps(isTable: false, places: places, indices: offsets.map { base + $0 })
            }
            let offsets = try Tensor.iota(shape: [1, reach * 2], axis: 1) - .dimension(reach - 1)
            return Taps(
                isTable: true, places: try places.unsqueezed(axes: [1]),
                indices: [try (base.unsqueezed(axes: [1]) + offsets).checked()])
        }
    }

    /// The reach of a filter that is widened by 1 / scale where the axis shrinks: ⌈reach / scale⌉.
    private func widened(_ reach: IntExpr) throws -> IntExpr {
        let exact = try tabulated {
            let reach = try Tensor.size(reach, as: .float32)
            return try (reach / axis.scale.mapped(.min, number(1))).mapped(.ceil).cast(to: .int64)
        }
        return try exact.asSize("taps", lower: 1)
    }

    private func weights(_ taps: Taps) throws -> [Tensor] {
        var weights = try taps.indices.map { index in
            let distance = try (index.cast(to: .float32) - taps.places).mapped(.abs)
            let narrowed = resampling.antialiases ? try distance * axis.scale.mapped(.min, number(1)) : distance
            return try filter(narrowed.checked())
        }
        if resampling.excludesOutside {
            let (zero, end) = (Tensor(HostTensor(scalar: Int64(0))), try Tensor.dimension(extent))
            weights = try zip(weights, taps.indices).map { weight, index in
                let isInside = try index.compared(.ge, zero).mapped(.and, index.compared(.lt, end))
                return try Tensor.select(isInside, weight, number(0))
            }
        }
        guard resampling.antialiases || resampling.excludesOutside else { return weights }
        var total = try weights.dropFirst().reduce(weights[0]) { try ($0 + $1).checked() }
        if taps.isTable { total = try total.reduced(.sum, axes: [1], keepingAxes: true) }
        return try weights.map { try ($0 / total).checked() }
    }

    /// The weight at a distance.
    private func filter(_ distance: Tensor) throws -> Tensor {
        guard case .cubic(let a) = resampling.filter else { return try (1 - distance).mapped(.max, number(0)) }
        return try distance.cubicWeight(a)
    }
}

extension Tensor {
    /// The weight of cubic convolution at these distances, which must not be negative.
    func cubicWeight(_ a: Double) throws -> Tensor {
        let one = try Tensor.constant(1, like: self), two = try Tensor.constant(2, like: self)
        let near = ((self * (a + 2)) - (a + 3)) * self * self + 1
        let far = ((self * a - 5 * a) * self + 8 * a) * self - 4 * a
        let outer = try Tensor.select(compared(.lt, two), far, .constant(0, like: self))
        return try Tensor.select(compared(.le, one), near, outer)
    }

    /// The one element of an integer tensor as a size; computed from data it is read when the program runs.
    func asSize(_ name: String, lower: Int = 0) throws -> IntExpr {
        if let values = symbolicValues, values.count == 1 { return values[0] }
        guard let recorder = Recorder.current else {
            throw Diagnostic("type.sizes", "'\(name)' must be one integer")
        }
        return try recorder.bind(reshaped(to: []), name, lower: lower)
    }
}
