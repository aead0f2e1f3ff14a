/// The layout of a floating-point type of at most 16 bits: sign, exponent, fraction, from high to low.
///
/// One routine encodes and one decodes all of them, from the numbers given here. Sources: IEEE 754 (binary16); OCP
/// 8-bit Floating Point Specification (E4M3, E5M2); Noune et al. 2022, "8-bit numerical formats for deep neural
/// networks" (the FNUZ kinds); OCP Microscaling Formats (E8M0, FP6, FP4).
public struct FloatFormat: Sendable, Hashable {
    /// What the codes at the end of the range mean.
    public enum Special: Sendable, Hashable {
        /// All exponent bits set: infinity if the fraction is zero, NaN otherwise.
        case infinityAndNaN
        /// No infinity; NaN has all exponent and fraction bits set.
        case allOnesNaN
        /// No infinity, no negative zero: NaN has the code of negative zero.
        case negativeZeroNaN
        /// Every code is a finite number.
        case none
    }

    /// Bits of the exponent.
    public let exponentBits: Int
    /// Bits of the fraction.
    public let fractionBits: Int
    /// What is subtracted from the stored exponent.
    public let bias: Int
    /// What the codes at the end of the range mean.
    public let special: Special
    /// False for the one format of pure powers of two, which has no sign, no zero and no subnormal numbers.
    public let isSigned: Bool

    init(exponent: Int, fraction: Int, bias: Int, _ special: Special, isSigned: Bool = true) {
        (exponentBits, fractionBits, self.bias) = (exponent, fraction, bias)
        (self.special, self.isSigned) = (special, isSigned)
    }

    static let float16 = FloatFormat(exponent: 5, fraction: 10, bias: 15, .infinityAndNaN)
    static let bfloat16 = FloatFormat(exponent: 8, fraction: 7, bias: 127, .infinityAndNaN)
    static let float8e4m3fn = FloatFormat(exponent: 4, fraction: 3, bias: 7, .allOnesNaN)
    static let float8e4m3fnuz = FloatFormat(exponent: 4, fraction: 3, bias: 8, .negativeZeroNaN)
    static let float8e5m2 = FloatFormat(exponent: 5, fraction: 2, bias: 15, .infinityAndNaN)
    static let float8e5m2fnuz = FloatFormat(exponent: 5, fraction: 2, bias: 16, .negativeZeroNaN)
    static let float8e8m0 = FloatFormat(exponent: 8, fraction: 0, bias: 127, .allOnesNaN, isSigned: false)
    static let float6e2m3 = FloatFormat(exponent: 2, fraction: 3, bias: 1, .none)
    static let float6e3m2 = FloatFormat(exponent: 3, fraction: 2, bias: 3, .none)
    static let float4e2m1 = FloatFormat(exponent: 2, fraction: 1, bias: 1, .none)
}

// MARK: - Codes

extension FloatFormat {
    /// Bits of one number.
    public var bitWidth: Int { exponentBits + fractionBits + (isSigned ? 1 : 0) }

    /// The sign bit, 0 where there is none.
    var signMask: UInt16 { isSigned ? 1 << UInt16(bitWidth - 1) : 0 }

    /// All bits except the sign.
    var magnitudeMask: UInt16 { UInt16(1 << (exponentBits + fractionBits) - 1) }

    /// Code of the highest finite number.
    public var highestFiniteCode: UInt16 {
        switch special {
        case .infinityAndNaN: infinityCode - 1
        case .allOnesNaN: magnitudeMask - 1
        case .negativeZeroNaN, .none: magnitudeMask
        }
    }

    /// Value of the highest finite number.
    public var highestFinite: Double { decode(highestFiniteCode) }

    /// Code of positive infinity; meaningful for `infinityAndNaN` only.
    private var infinityCode: UInt16 { magnitudeMask & ~UInt16(1 << fractionBits - 1) }

    /// Code of NaN with the sign bit `sign`. A format without NaN answers negative zero, as ONNX's conformance cases
    /// (and ml_dtypes) have it.
    private func nanCode(sign: UInt16) -> UInt16 {
        switch special {
        case .infinityAndNaN: sign | infinityCode | UInt16(1 << (fractionBits - 1))
        case .allOnesNaN: sign | magnitudeMask
        case .negativeZeroNaN, .none: signMask
        }
    }

    /// Code for numbers beyond the highest finite one, and for infinity. ONNX Cast: saturation goes to the highest
    /// finite number; without it stands infinity, or NaN where there is none.
    private func overflowCode(sign: UInt16, saturate: Bool) -> UInt16 {
        if saturate || special == .none { return sign | highestFiniteCode }
        return special == .infinityAndNaN ? sign | infinityCode : nanCode(sign: sign)
    }
}

// MARK: - Conversion

/// How a number between two powers of two becomes one of them, when cast to `float8e8m0` (`round_mode` of ONNX Cast).
public enum PowerRounding: Sendable, Hashable {
    /// Away from zero.
    case up
    /// Toward zero.
    case down
    /// To the nearest, ties away from zero.
    case nearest
}

extension FloatFormat {
    /// Value of a code; exact. Bits above `bitWidth` are ignored.
    public func decode(_ code: UInt16) -> Double {
        let magnitude = Int(code & magnitudeMask)
        guard isSigned else {
            return magnitude == Int(magnitudeMask) ? .nan : Self.power(of: magnitude - bias)
        }
        let isNegative = code & signMask != 0
        let exponent = magnitude >> fractionBits
        let fraction = magnitude & (1 << fractionBits - 1)
        if magnitude > Int(highestFiniteCode) {
            let isInfinite = special == .infinityAndNaN && fraction == 0
            return isInfinite ? (isNegative ? -.infinity : .infinity) : .nan
        }
        if special == .negativeZeroNaN && isNegative && magnitude == 0 { return .nan }
        let significand = exponent == 0 ? fraction : fraction + 1 << fractionBits
        let value = Double(significand) * Self.power(of: max(exponent, 1) - bias - fractionBits)
        return isNegative ? -value : value
    }

    /// Code of the number nearest to `value`, ties to even, by the rules of ONNX Cast.
    ///
    /// - Parameters:
    ///   - saturate: whether numbers beyond the range, and infinity, become the highest finite number. Formats
    ///     without infinity and NaN saturate always.
    ///   - power: rounding for `float8e8m0` only; that format has no sign, and the magnitude of `value` is taken.
    public func encode(_ value: Double, saturate: Bool, power: PowerRounding = .nearest) -> UInt16 {
        guard isSigned else { return encodePower(abs(value), saturate: saturate, rounding: power) }
        let sign = value.sign == .minus ? signMask : 0
        if value.isNaN { return nanCode(sign: sign) }
        if value.isInfinite { return overflowCode(sign: sign, saturate: saturate) }
        let magnitude = encodeMagnitude(abs(value))
        if magnitude > UInt64(highestFiniteCode) { return overflowCode(sign: sign, saturate: saturate) }
        if magnitude == 0 && special == .negativeZeroNaN { return 0 }
        return sign | UInt16(magnitude)
    }

    /// Code of a finite number that is not negative, as if the exponent had no upper bound.
    private func encodeMagnitude(_ value: Double) -> UInt64 {
        let lowestExponent = 1 - bias
        // Exponent as stored, so that zero and subnormal numbers of Double need no case of their own.
        let exponent = max(Int(value.exponentBitPattern) - 1023, lowestExponent)
        // Two exact steps: the scale may lie outside Double's range, neither half does.
        let shift = fractionBits - exponent
        let scaled = value * Self.power(of: shift / 2) * Self.power(of: shift - shift / 2)
        let quanta = UInt64(scaled.rounded(.toNearestOrEven))
        // A fraction that rounds up to a full unit carries into the exponent by this addition; so does a subnormal.
        return UInt64(exponent - lowestExponent) << UInt64(fractionBits) + quanta
    }

    private func encodePower(_ value: Double, saturate: Bool, rounding: PowerRounding) -> UInt16 {
        let nan = magnitudeMask
        let lowest = Self.power(of: -bias)
        if value.isNaN || (value.isInfinite && !saturate) { return nan }
        if value < lowest { return saturate ? 0 : nan }
        if value.isInfinite { return highestFiniteCode }
        let exponent = Int(value.exponentBitPattern) - 1023
        let fraction = value.significandBitPattern
        let isUp =
            switch rounding {
            case .up: fraction != 0
            case .down: false
            case .nearest: fraction >= 1 << 51
            }
        let code = exponent + bias + (isUp ? 1 : 0)
        if code <= Int(highestFiniteCode) { return UInt16(code) }
        return saturate ? highestFiniteCode : nan
    }

    /// 2 to the power of `exponent`, which must be that of a normal `Double`.
    private static func power(of exponent: Int) -> Double {
        Double(bitPattern: UInt64(exponent + 1023) << 52)
    }

    /// Values of all codes; for formats of at most 8 bits.
    func decodingTable() -> [Double] {
        (0..<(1 << min(bitWidth, 8))).map { decode(UInt16($0)) }
    }
}

/// Bits of `value` in a floating-point type of at most 16 bits, in the low bits of the result; see
/// ``FloatFormat/encode(_:saturate:power:)``. Zero for types without a ``FloatFormat``.
public func encodeFloat(_ value: Double, as type: ElementType, saturate: Bool) -> UInt16 {
    type.floatFormat?.encode(value, saturate: saturate) ?? 0
}

/// Value of the low bits of `bits` in a floating-point type of at most 16 bits. NaN for types without a
/// ``FloatFormat``.
public func decodeFloat(_ bits: UInt16, as type: ElementType) -> Double {
    type.floatFormat?.decode(bits) ?? .nan
}
