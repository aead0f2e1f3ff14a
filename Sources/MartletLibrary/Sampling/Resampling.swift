public import MartletCore
public import MartletIR

/// How a tensor is resampled along its axes, each for itself.
public struct Resampling: Sendable {
    /// What stands between elements.
    public enum Filter: Sendable {
        /// One of the two elements around.
        case nearest(Rounding)
        /// Weights that fall from 1 to 0 over the distance of an element.
        case linear
        /// Cubic convolution with that parameter (Keys, 1981).
        case cubic(a: Double)
    }

    /// Which element is the nearest, by the names in ONNX.
    public enum Rounding: String, Sendable {
        /// Halves go down.
        case preferFloor = "round_prefer_floor"
        /// Halves go up.
        case preferCeil = "round_prefer_ceil"
        case floor, ceil
        /// Up where the axis shrinks, else down.
        case simple
    }

    /// Where an element of the result lies in the tensor, by the names in ONNX.
    public enum Coordinates: String, Sendable {
        case halfPixel = "half_pixel"
        case halfPixelSymmetric = "half_pixel_symmetric"
        case pytorchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners"
        case asymmetric
        case halfPixelForNearest = "tf_half_pixel_for_nn"
        case cropAndResize = "tf_crop_and_resize"
    }

    /// How one axis is resampled.
    public struct Axis: Sendable {
        public var axis: Int
        /// Extent of the result.
        public var size: IntExpr
        /// Result's extent by the tensor's, 0-d `f32`.
        public var scale: Tensor
        /// What `size` is before it is rounded, 0-d `f32`.
        public var length: Tensor
        /// The part of the axis for `cropAndResize`, 0 and 1 being its ends: 0-d `f32`.
        public var region: (start: Tensor, end: Tensor)?

        /// Describes an axis.
        public init(
            axis: Int, size: IntExpr, scale: Tensor, length: Tensor, region: (start: Tensor, end: Tensor)? = nil
        ) {
            (self.axis, self.size, self.scale, self.length, self.region) = (axis, size, scale, length, region)
        }
    }

    public var filter: Filter
    public var coordinates: Coordinates
    /// Whether filters widen where an axis shrinks, so that all elements count.
    public var antialiases: Bool
    /// Whether what lies outside of the tensor has no weight; else the first and last element stand there.
    public var excludesOutside: Bool
    /// With `cropAndResize` the result where the coordinate lies outside.
    public var extrapolation: Double

    /// Describes a resampling.
    public init(
        _ filter: Filter, _ coordinates: Coordinates, antialiases: Bool = false, excludesOutside: Bool = false,
        extrapolation: Double = 0
    ) {
        (self.filter, self.coordinates, self.antialiases) = (filter, coordinates, antialiases)
        (self.excludesOutside, self.extrapolation) = (excludesOutside, extrapolation)
    }
}

extension Tensor {
    /// Resamples along some axes, one after the other. Integers are computed as float32, and truncated.
    public func resampled(_ resampling: Resampling, _ axes: [Resampling.Axis]) throws -> Tensor {
        let type = try element
        if axes.isEmpty { return self }
        let extents = try shape
        var lines: [ResampledAxis] = []
        for axis in axes {
            guard extents.indices.contains(axis.axis) else {
                throw Diagnostic("type.axes", "axis \(axis.axis) does not fit a tensor of rank \(extents.count)")
            }
            lines.append(ResampledAxis(resampling, axis, extents[axis.axis]))
        }
        if case .nearest = resampling.filter {
            let result = try lines.reduce(self) { try $1.nearest(of: $0) }
            return try result.extrapolated(lines, resampling.extrapolation)
        }
        let inner: ElementType = type == .float64 ? .float64 : .float32
        var result = try cast(to: inner)
        for line in lines { result = try line.weighted(of: result) }
        result = try result.extrapolated(lines, resampling.extrapolation)
        return try type.isInteger && type.bitWidth <= 16 ? result.saturated(to: type) : result.cast(to: type)
    }

    /// `value` wherever a coordinate lies outside.
    private func extrapolated(_ lines: [ResampledAxis], _ value: Double) throws -> Tensor {
        let fill = try Tensor.constant(value, like: self)
        return try lines.reduce(self) { result, line in
            guard let isInside = try line.isInside() else { return result }
            let mask = try isInside.broadcast(to: result.shape, axes: [line.axis.axis])
            return try Tensor.select(mask, result, fill)
        }
    }
}
