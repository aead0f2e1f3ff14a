public import MartletCore
public import MartletIR

/// How a grid samples a tensor.
public struct GridSampling: Sendable {
    /// What stands between elements.
    public enum Filter: Sendable { case nearest, linear, cubic }
    /// What stands outside of the tensor.
    public enum Border: String, Sendable { case zeros, border, reflection }

    public var filter: Filter
    public var border: Border
    /// Whether -1 and 1 are the centres of the outer elements, not their outer edges.
    public var alignsCorners: Bool

    /// Describes a sampling.
    public init(_ filter: Filter, border: Border = .zeros, alignsCorners: Bool = false) {
        (self.filter, self.border, self.alignsCorners) = (filter, border, alignsCorners)
    }
}

extension Tensor {
    /// Samples this tensor (N, C, spatial…) at the points of a grid (N, places…, r): coordinates from -1 to 1, of the
    /// last spatial axis first. The result is (N, C, places…).
    public func gridSampled(_ grid: Tensor, _ sampling: GridSampling) throws -> Tensor {
        let type = try element
        let (extents, points) = (try shape, try grid.shape)
        let count = extents.count - 2
        guard count >= 1, points.count == count + 2 else {
            throw Diagnostic(
                "type.rank", "a grid of rank \(points.count) does not fit a tensor of rank \(extents.count)")
        }
        let places = Array(points.dropLast())
        let wide = try grid.element == .float64 ? grid : grid.cast(to: .float32)
        let coordinates = try (0..<count).map { axis in
            let part = try wide.sliced(axis: count + 1, start: IntExpr(count - 1 - axis), size: 1).reshaped(to: places)
            return try part.denormalized(extents[axis + 2], sampling)
        }
        let isNearest = sampling.filter == .nearest
        let x = isNearest || type == .float64 ? self : try cast(to: .float32)
        let batch = try Tensor.coordinates(0, of: places)
        let sampler = Sampler(x, axes: Array(2..<count + 2), fixed: [(0, batch)], border: sampling.samplerBorder)
        let result: Tensor
        switch sampling.filter {
        case .nearest: result = try sampler.elements(at: coordinates.map { try $0.mapped(.round).cast(to: .int64) })
        case .linear: result = try sampler.linear(at: coordinates)
        case .cubic: result = try sampler.weighted(at: coordinates, reach: 2) { try $0.cubicWeight(-0.75) }
        }
        // The channels stand last.
        let rank = places.count
        return try result.cast(to: type).transposed([0, rank] + Array(1..<rank))
    }

    /// Coordinates from -1 to 1 as those of elements. Those outside are turned inside, where the border asks for it.
    fileprivate func denormalized(_ extent: IntExpr, _ sampling: GridSampling) throws -> Tensor {
        let size = try Tensor.size(extent, as: element)
        let last = try (size - 1).checked()
        let low = sampling.alignsCorners ? 0 : -0.5
        let high = try (last - low).checked()
        let place =
            try sampling.alignsCorners
            ? ((self + 1) * 0.5 * last).checked() : (((self + 1) * size - 1) * 0.5).checked()
        switch sampling.border {
        case .zeros: return place
        case .border:
            // Cubic filters reach beyond the border, as in PyTorch and ONNX Runtime.
            return sampling.filter == .cubic
                ? place : try place.mapped(.max, .constant(0, like: self)).mapped(.min, last)
        case .reflection:
            // An axis of one element has nothing to reflect at its centre.
            let span = try (high - low).mapped(.max, .constant(sampling.alignsCorners ? 0.5 : 1, like: self))
            let period = span * 2
            let phase = try (place - low).mapped(.abs).mapped(.rem, period)
            return try (phase.mapped(.min, period - phase) + low).checked()
        }
    }
}

extension GridSampling {
    fileprivate var samplerBorder: Sampler.Border {
        switch border {
        case .zeros: .zero
        case .border: .edge
        case .reflection: .mirror(aligned: alignsCorners)
        }
    }
}

extension Tensor {
    /// The grid that affine matrices, this tensor (N, r, r + 1), lead to: (N, sizes…, r), coordinates of the last of the
    /// r axes first, from -1 to 1.
    ///
    /// - Parameter alignsCorners: whether -1 and 1 are the centres of the outer elements, not their outer edges.
    public func affineGrid(sizes: [IntExpr], alignsCorners: Bool) throws -> Tensor {
        let (type, extents) = (try element, try shape)
        let count = sizes.count
        guard extents.count == 3, extents[1] == IntExpr(count), extents[2] == IntExpr(count + 1) else {
            throw Diagnostic("type.shape", "affine matrices for \(count) axes must be N x \(count) x \(count + 1)")
        }
        return try inWideType { matrices in
            let axes = try (0..<count).reversed().map { axis in
                try Tensor.evenCoordinates(sizes[axis], alignsCorners, like: matrices)
                    .broadcast(to: sizes + [1], axes: [axis])
            }
            let ones = try Tensor.constant(1, like: matrices).broadcast(to: sizes + [1], axes: [])
            let points = try Tensor.concatenate(axes + [ones], axis: count)
            // (N, r, sizes…) from (N, r, r + 1) and (sizes…, r + 1).
            let product = try matrices.contracted(with: points, contracted: [(2, count)])
            return try product.transposed([0] + Array(2..<count + 2) + [1])
        }.cast(to: type)
    }

    /// Coordinates from -1 to 1 of the elements of an axis.
    private static func evenCoordinates(_ size: IntExpr, _ alignsCorners: Bool, like other: Tensor) throws -> Tensor {
        let type = try other.element
        let place = try Tensor.iota(shape: [size], axis: 0, type: type)
        if alignsCorners {
            // One element alone stands at -1.
            return try (place * (2 / Tensor.size(.max(1, size - 1), as: type)) - 1).checked()
        }
        return try ((place * 2 + 1) / Tensor.size(size, as: type) - 1).checked()
    }
}
