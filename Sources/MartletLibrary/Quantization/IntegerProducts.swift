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
        if let result = try narrowMatmul(other, zeroPoint: zeroPoint, otherZeroPoint: otherZeroPoint) { return result }
        let isInteger = try element.isInteger
        let (left, right) = (
            try centred(zeroPoint, axis: Swift.max(try rank - 2, 0)),
            try other.centred(otherZeroPoint, axis: try other.rank - 1)
        )
        if isInteger { return try left.matmul(right, result: .int32) }
        return try left.cast(to: .float32).matmul(right.cast(to: .float32))
    }

    /// The same with the product on the bytes themselves, where the other matrix is constant:
    /// Σ (a - p)(b - q) = Σ a·b - p·(Σ b - K·q) - q·Σ a, modulo 2^32.
    ///
    /// Nil for other types, and for zero points of more axes.
    private func narrowMatmul(_ other: Tensor, zeroPoint: Tensor?, otherZeroPoint: Tensor?) throws -> Tensor? {
        guard try element.isByte, try rank >= 2, try zeroPoint?.isScalarOrVector ?? true,
            let weights = try ConstantBytes(other, zeroPoint: otherZeroPoint)
        else { return nil }
        var result = try matmul(weights.values, result: .int32)
        if let point = try zeroPoint?.integerPoint(ofRows: true) {
            result = try result.mapped(.sub, weights.sums.mapped(.mul, point))
        }
        if let point = weights.zeroPoint {
            let sums = try cast(to: .int32).reduced(.sum, axes: [rank - 1], keepingAxes: true)
            result = try result.mapped(.sub, sums.mapped(.mul, point))
        }
        return result
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

extension ElementType {
    fileprivate var isByte: Bool { self == .uint8 || self == .int8 }
}

/// A constant matrix of bytes, or matrices, as signed bytes and what is still to be subtracted from them.
private struct ConstantBytes {
    /// (…, K, N), `i8`.
    let values: Tensor
    /// `i32`, for all or for each column; nil where the values have it subtracted.
    let zeroPoint: Tensor?
    /// Sums of values - zero point along K, `i32`: (N), or (…, 1, N).
    let sums: Tensor

    /// Nil where matrix and zero point are no constants of the kind.
    init?(_ matrix: Tensor, zeroPoint: Tensor?) throws {
        guard try matrix.element.isByte, let constant = matrix.concrete, constant.shape.count >= 2 else { return nil }
        if let zeroPoint {
            guard zeroPoint.concrete != nil, try zeroPoint.isScalarOrVector else { return nil }
        }
        let point = zeroPoint?.concrete.map { Tensor($0) }
        // Evaluated here: a graph would not fold what is larger than the bytes on the way.
        (values, self.zeroPoint, sums) = try Recorder.$current.withValue(nil) {
            try Self.split(Tensor(constant), try point?.integerPoint(ofRows: false))
        }
    }

    private static func split(_ matrix: Tensor, _ zeroPoint: Tensor?) throws -> (Tensor, Tensor?, Tensor) {
        let wide = try matrix.cast(to: .int32)
        let centred = try zeroPoint.map { try wide.mapped(.sub, $0) } ?? wide
        let axis = try matrix.rank - 2
        let sums = try centred.reduced(.sum, axes: [axis], keepingAxes: axis > 0)
        if let values = try centred.concrete?.ints(), values.allSatisfy({ (-128...127).contains($0) }) {
            return (try centred.cast(to: .int8), nil, sums)
        }
        if try matrix.element == .int8 { return (matrix, zeroPoint, sums) }
        let half = Tensor(HostTensor(scalar: Int32(128)))
        let point = try (zeroPoint ?? Tensor(HostTensor(scalar: Int32(0)))).mapped(.sub, half)
        return (try wide.mapped(.sub, half).cast(to: .int8), point, sums)
    }
}

extension Tensor {
    fileprivate var isScalarOrVector: Bool {
        get throws { try rank <= 1 || shape.allSatisfy { $0 == 1 } }
    }

    /// A zero point of one element, or of one for each row or column, as `i32` that broadcasts against the matrix; nil for
    /// zero.
    fileprivate func integerPoint(ofRows: Bool) throws -> Tensor? {
        if isKnownZero { return nil }
        let wide = try cast(to: .int32)
        let shape = try wide.shape
        if shape.allSatisfy({ $0 == 1 }) { return try wide.reshaped(to: []) }
        return ofRows ? try wide.reshaped(to: [shape[0], 1]) : wide
    }
}
