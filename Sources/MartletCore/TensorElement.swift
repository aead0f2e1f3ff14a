/// A Swift type that is the element of a tensor in memory.
public protocol TensorElement: BitwiseCopyable, Sendable, Hashable {
    /// The element type whose stored form is this type's memory.
    static var elementType: ElementType { get }
}

extension Float: TensorElement {
    /// `float32`.
    public static var elementType: ElementType { .float32 }
}

extension Double: TensorElement {
    /// `float64`.
    public static var elementType: ElementType { .float64 }
}

extension Bool: TensorElement {
    /// `bool`.
    public static var elementType: ElementType { .bool }
}

extension Int: TensorElement {
    /// `int64`.
    public static var elementType: ElementType { .int64 }
}

extension Int8: TensorElement {
    /// `int8`.
    public static var elementType: ElementType { .int8 }
}

extension Int16: TensorElement {
    /// `int16`.
    public static var elementType: ElementType { .int16 }
}

extension Int32: TensorElement {
    /// `int32`.
    public static var elementType: ElementType { .int32 }
}

extension Int64: TensorElement {
    /// `int64`.
    public static var elementType: ElementType { .int64 }
}

extension UInt8: TensorElement {
    /// `uint8`.
    public static var elementType: ElementType { .uint8 }
}

extension UInt16: TensorElement {
    /// `uint16`.
    public static var elementType: ElementType { .uint16 }
}

extension UInt32: TensorElement {
    /// `uint32`.
    public static var elementType: ElementType { .uint32 }
}

extension UInt64: TensorElement {
    /// `uint64`.
    public static var elementType: ElementType { .uint64 }
}

extension BFloat16: TensorElement {
    /// `bfloat16`.
    public static var elementType: ElementType { .bfloat16 }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    extension Float16: TensorElement {
        /// `float16`.
        public static var elementType: ElementType { .float16 }
    }
#endif

/// The upper half of a `Float`: 8 bits of exponent, 7 of fraction.
public struct BFloat16: Sendable, BitwiseCopyable {
    /// The bits as stored.
    public var bitPattern: UInt16

    /// The number with these bits.
    @inlinable public init(bitPattern: UInt16) {
        self.bitPattern = bitPattern
    }

    /// `value`, rounded to nearest, ties to even; NaN stays NaN, of the same sign.
    @inlinable public init(_ value: Float) {
        let bits = value.bitPattern
        guard !value.isNaN else {
            // A quiet NaN: the upper half of the payload alone could be zero, which would be infinity.
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
            return
        }
        // The carry runs from fraction into exponent by itself, up to infinity; never past it, as value is no NaN.
        bitPattern = UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }

    /// `value`, rounded once to nearest, ties to even.
    @inlinable public init(_ value: Double) {
        self.init(Float(roundingToOdd: value))
    }
}

extension BFloat16: Hashable {
    /// Equality of numbers: -0 equals 0, and NaN equals nothing.
    @inlinable public static func == (a: BFloat16, b: BFloat16) -> Bool { Float(a) == Float(b) }

    /// Hashes the number, so that -0 and 0 agree.
    @inlinable public func hash(into hasher: inout Hasher) { hasher.combine(Float(self)) }
}

extension BFloat16: CustomStringConvertible {
    /// The value in decimal.
    public var description: String { Float(self).description }
}

extension Float {
    /// The exact value of `value`.
    @inlinable public init(_ value: BFloat16) {
        self.init(bitPattern: UInt32(value.bitPattern) << 16)
    }

    /// `value` rounded to odd: truncated, and the last bit set if anything was lost. Rounding the result further to
    /// nearest, to at least two bits less, gives what rounding `value` once gives (Boldo and Melquiond, 2008).
    @inlinable package init(roundingToOdd value: Double) {
        let nearest = Float(value)
        let back = Double(nearest)
        guard back != value, value.isFinite, nearest.bitPattern & 1 == 0 else {
            self = nearest
            return
        }
        // `nearest` is even, hence not the odd neighbour: that lies on the other side of `value`.
        let bits = nearest.bitPattern
        let awayFromZero = abs(back) < abs(value)
        self.init(bitPattern: awayFromZero ? bits + 1 : bits - 1)
    }
}

extension Double {
    /// The exact value of `value`.
    @inlinable public init(_ value: BFloat16) {
        self.init(Float(value))
    }
}
