import MartletCore
public import MartletIR

extension Tensor {
    /// Differences of integers and a zero point, as `i32`; the integers themselves where the zero point is 0.
    ///
    /// - Parameter axis: the axis that a zero point of one axis goes along.
    func centred(_ zeroPoint: Tensor?, axis: Int) throws -> Tensor {
        guard let zeroPoint, !zeroPoint.isKnownZero else { return try element.isPacked ? cast(to: .int32) : self }
        let type: ElementType = try element.isInteger ? .int32 : .float32
        let point = try zeroPoint.cast(to: type)
        if try point.rank == shape.count, try point.rank > 1 { return try (cast(to: type) - point).checked() }
        return try (cast(to: type) - point.spread(to: shape, axis: axis, blockSize: 0)).checked()
    }

    /// Convolution of integers, summed as `i32`: of x - zero point with w - zero point; padding is x's zero point.
    ///
    /// - Parameter weightZeroPoint: one, or one for each output channel.
    public func integerConvolution(
        _ weights: Tensor, zeroPoint: Tensor?, weightZeroPoint: Tensor?, stride: [Int], padding: SpatialPadding,
        dilation: [Int], groups: Int
    ) throws -> Tensor {
        try centred(zeroPoint, axis: 0).convolution(
            weights.centred(weightZeroPoint, axis: 0), stride: stride, padding: padding, dilation: dilation,
            groups: groups, result: .int32)
    }

    /// The matrix product of integers, summed as `i32`: of a - zero point with b - zero point.
    ///
    /// Zero points have one element, or one for each row of a and each column of b; beside a tensor of more axes also
    /// one for each row or column of each matrix, with an axis of extent 1. float8 is summed as `f32`.
    public func integerMatmul(_ other: Tensor, zeroPoint: Tensor?, otherZeroPoint: Tensor?) throws -> Tensor {
        let isInteger = try element.isInteger
        let (left, right) = (
            try centred(zeroPoint, axis: Swift.max(try rank - 2, 0)),
            try other.centred(otherZeroPoint, axis: try other.rank - 1)
        )
        if isInteger { return try left.matmul(right, result: .int32) }
        return try left.cast(to: .float32).matmul(right.cast(to: .float32))
    }

    /// Sums of quantised products as quantised values: round(x · scale) + zero point, within the type of the zero point.
    ///
    /// - Parameter scale: the scales of both operands divided by the result's, float32, in a shape that broadcasts.
    public func requantized(scale: Tensor, zeroPoint: Tensor) throws -> Tensor {
        let type = try zeroPoint.element
        let product = try Tensor.elementwise(.mul, [cast(to: .float32), scale])
        if !type.isInteger { return try product.cast(to: type) }
        let point = try zeroPoint.cast(to: .float32)
        return try Tensor.elementwise(.add, [product.mapped(.round), point]).saturated(to: type)
    }
}
