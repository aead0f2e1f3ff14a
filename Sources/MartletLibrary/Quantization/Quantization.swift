public import MartletCore
public import MartletIR

extension Tensor {
    /// This tensor in steps of a scale: round(x / scale) + zero point, within the range of the type. Floating-point
    /// types take x / scale rounded to them.
    ///
    /// Scale and zero point have one element for all, one for each entry of `axis`, or with a block size one for each
    /// block along `axis`.
    ///
    /// - Parameters:
    ///   - precision: type in which the quotient is computed; the scale's by default.
    ///   - saturates: whether types of float8 take the largest value for what is beyond it.
    public func quantized(
        scale: Tensor, zeroPoint: Tensor? = nil, to type: ElementType, axis: Int = 0, blockSize: Int = 0,
        precision: ElementType? = nil, saturates: Bool = true
    ) throws -> Tensor {
        let inner = try precision ?? scale.element
        let shape = try shape
        let divisor = try scale.cast(to: inner).spread(to: shape, axis: axis, blockSize: blockSize)
        var quotient = try (cast(to: inner) / divisor).checked()
        // Sums with a zero point do not fit narrow types.
        if inner != .float64 { quotient = try quotient.cast(to: .float32) }
        if type.isInteger { quotient = try quotient.mapped(.round) }
        if let zeroPoint, !zeroPoint.isKnownZero {
            quotient =
                try quotient + zeroPoint.cast(to: quotient.element).spread(to: shape, axis: axis, blockSize: blockSize)
        }
        if type.isInteger { return try quotient.saturated(to: type) }
        return try saturates ? quotient.cast(to: type) : quotient.castWithoutSaturation(to: type)
    }

    /// (x - zero point) · scale; scale and zero point as for `quantized`.
    ///
    /// - Parameter type: type of the result, the scale's by default. float32 is used where it is narrower.
    public func dequantized(
        scale: Tensor, zeroPoint: Tensor? = nil, to type: ElementType? = nil, axis: Int = 0, blockSize: Int = 0
    ) throws -> Tensor {
        let type = try type ?? scale.element
        let inner = type == .float64 ? type : .float32
        let shape = try shape
        func spread(_ parameter: Tensor) throws -> Tensor {
            try parameter.spread(to: shape, axis: axis, blockSize: blockSize)
        }
        var value = self
        if let zeroPoint, !zeroPoint.isKnownZero {
            // Differences of integers are exact.
            let own = try element
            let exact = own == .int32 || own == .uint32 ? own : own.isInteger ? .int32 : inner
            value = try value.cast(to: exact) - spread(zeroPoint.cast(to: exact))
        }
        return try (value.cast(to: inner) * spread(scale.cast(to: inner))).cast(to: type)
    }

    /// Scale, zero point and values in steps of 1/255 of the range of all elements and 0, as `u8`.
    public func dynamicallyQuantized() throws -> (values: Tensor, scale: Tensor, zeroPoint: Tensor) {
        let axes = Array(0..<(try rank))
        let zero = try Tensor.constant(0, like: self)
        let low = try reduced(.min, axes: axes).mapped(.min, zero)
        let high = try reduced(.max, axes: axes).mapped(.max, zero)
        let scale = try ((high - low) / 255).checked()
        let zeroPoint = try (zero - low / scale).mapped(.round).saturated(to: .uint8)
        return (try quantized(scale: scale, zeroPoint: zeroPoint, to: .uint8), scale, zeroPoint)
    }

    /// The values of a floating-point tensor as an integer type of at most 32 bits, those beyond its range at its ends.
    func saturated(to type: ElementType) throws -> Tensor {
        guard type.isInteger, let low = type.lowestFinite, let high = type.highestFinite else {
            throw Diagnostic("type.elements", "\(type.name) is no type of quantised values")
        }
        return try mapped(.max, .constant(low, like: self)).mapped(.min, .constant(high, like: self)).cast(to: type)
    }

    /// Whether all elements are known to be 0.
    var isKnownZero: Bool {
        guard let known = concrete, known.count <= 1 << 20, let values = try? known.doubles() else { return false }
        return values.allSatisfy { $0 == 0 }
    }

    /// A scale or zero point in the shape of the values: one of one element as a 0-d tensor.
    func spread(to shape: [IntExpr], axis: Int, blockSize: Int) throws -> Tensor {
        let own = try self.shape
        if own.allSatisfy({ Sizes.simplified($0) == 1 }) { return try reshaped(to: []) }
        guard shape.indices.contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(shape.count)")
        }
        if blockSize > 0 { return try repeated(to: shape, axis: axis, blockSize) }
        guard own.count == 1 else {
            throw Diagnostic("type.rank", "scales of rank \(own.count) need a block size")
        }
        return try broadcast(to: shape, axes: [axis])
    }

    /// Each entry of an axis `count` times; the last ones as often as the shape asks for.
    private func repeated(to shape: [IntExpr], axis: Int, _ count: Int) throws -> Tensor {
        let own = try self.shape
        guard own.count == shape.count else {
            throw Diagnostic("type.rank", "scales of rank \(own.count) for blocks of a tensor of rank \(shape.count)")
        }
        var repeated = own
        repeated.insert(IntExpr(count), at: axis + 1)
        var merged = own
        merged[axis] = Sizes.simplified(own[axis] * IntExpr(count))
        let axes = own.indices.map { $0 <= axis ? $0 : $0 + 1 }
        let all = try broadcast(to: repeated, axes: axes).reshaped(to: merged)
        return merged == shape ? all : try all.sliced(start: shape.map { _ in 0 }, size: shape)
    }
}
