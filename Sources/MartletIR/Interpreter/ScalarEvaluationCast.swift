import MartletCore

extension ScalarEvaluation {
    /// The values of `x` in another type.
    ///
    /// Integer to integer keeps the low bits; to a floating-point type rounds once to nearest, ties to even. Floating
    /// point to integer goes toward zero, and out of range as x86 converts: the minimum for 32 and 64 bits, the low bits
    /// of the 32-bit result for fewer, the low bits of the 64-bit result for u32; for u64 also 0 above. To bool: whether not 0. Types of float8
    /// and smaller saturate.
    static func cast(_ x: HostTensor, to type: ElementType) throws -> HostTensor {
        if x.type == type { return x }
        guard isNumber(x.type), isNumber(type) else {
            throw Diagnostic("type.elements", "'cast' cannot make \(type.name) of \(x.type.name)")
        }
        switch x.type {
        case .bool: return try castInteger(try truthBytes(x), UInt8.self, to: type)
        case .int8: return try castInteger(x, Int8.self, to: type)
        case .int16: return try castInteger(x, Int16.self, to: type)
        case .int32: return try castInteger(x, Int32.self, to: type)
        case .int64: return try castInteger(x, Int64.self, to: type)
        case .uint8: return try castInteger(x, UInt8.self, to: type)
        case .uint16: return try castInteger(x, UInt16.self, to: type)
        case .uint32: return try castInteger(x, UInt32.self, to: type)
        case .uint64: return try castInteger(x, UInt64.self, to: type)
        case .float32: return try castFloat(x, Float.self, to: type)
        case .float64: return try castFloat(x, Double.self, to: type)
        case .bfloat16: return try castFloat(x, BFloat16.self, to: type)
        default: return try castSmall(x, to: type)
        }
    }

    private static func isNumber(_ type: ElementType) -> Bool { !type.isComplex && type != .string }

    private static func truthBytes(_ x: HostTensor) throws -> HostTensor {
        try unary(x, to: .uint8) { (a: UInt8) in a != 0 ? 1 as UInt8 : 0 }
    }

    /// float16 where it has no Swift type, float8, and packed types: by way of arrays of a wide type.
    private static func castSmall(_ x: HostTensor, to type: ElementType) throws -> HostTensor {
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
            if x.type == .float16 { return try castFloat(x, Float16.self, to: type) }
        #endif
        if x.type.isInteger {
            let wide = try HostTensor(try x.ints(), shape: x.shape)
            return type == .int64 ? wide : try castInteger(wide, Int64.self, to: type)
        }
        let wide = try HostTensor(try x.doubles(), shape: x.shape)
        return type == .float64 ? wide : try castFloat(wide, Double.self, to: type)
    }

    private static func castInteger<S: FixedWidthInteger & BitwiseCopyable>(
        _ x: HostTensor, _ source: S.Type, to type: ElementType
    ) throws -> HostTensor {
        switch type {
        case .bool: return try unary(x, to: type) { (a: S) in a != 0 }
        case .int8, .uint8: return try unary(x, to: type) { (a: S) in UInt8(truncatingIfNeeded: a) }
        case .int16, .uint16: return try unary(x, to: type) { (a: S) in UInt16(truncatingIfNeeded: a) }
        case .int32, .uint32: return try unary(x, to: type) { (a: S) in UInt32(truncatingIfNeeded: a) }
        case .int64, .uint64: return try unary(x, to: type) { (a: S) in UInt64(truncatingIfNeeded: a) }
        case .float32: return try unary(x, to: type) { (a: S) in Float(a) }
        case .float64: return try unary(x, to: type) { (a: S) in Double(a) }
        case .bfloat16: return try unary(x, to: type) { (a: S) in BFloat16(roundedToOdd(a)) }
        default:
            if type.isInteger { return try HostTensor.fromInts(try x.ints(), as: type, shape: x.shape) }
            let wide: HostTensor = try unary(x, to: .float64) { (a: S) in roundedToOdd(a) }
            return try castFloat(wide, Double.self, to: type)
        }
    }

    /// The integer as a double that rounds further to any narrower type as the integer itself would.
    @inline(__always)
    private static func roundedToOdd<S: FixedWidthInteger>(_ value: S) -> Double {
        guard S.bitWidth > 53 else { return Double(value) }
        let magnitude = UInt64(truncatingIfNeeded: value.magnitude)
        guard magnitude >> 53 != 0 else { return Double(value) }
        let odd = magnitude & ~0x7FF | (magnitude & 0x7FF == 0 ? 0 : 0x800)
        return value < 0 ? -Double(odd) : Double(odd)
    }

    private static func castFloat<S: FloatElement>(
        _ x: HostTensor, _ source: S.Type, to type: ElementType
    ) throws -> HostTensor {
        switch type {
        case .bool: return try unary(x, to: type) { (a: S) in a.wide != 0 }
        case .int8, .uint8: return try unary(x, to: type) { (a: S) in UInt8(truncatingIfNeeded: int32(a.double)) }
        case .int16, .uint16: return try unary(x, to: type) { (a: S) in UInt16(truncatingIfNeeded: int32(a.double)) }
        case .int32: return try unary(x, to: type) { (a: S) in int32(a.double) }
        case .uint32: return try unary(x, to: type) { (a: S) in UInt32(truncatingIfNeeded: int64(a.double)) }
        case .int64: return try unary(x, to: type) { (a: S) in int64(a.double) }
        case .uint64: return try unary(x, to: type) { (a: S) in uint64(a.double) }
        case .float32: return try unary(x, to: type) { (a: S) in Float(a.double) }
        case .float64: return try unary(x, to: type) { (a: S) in a.double }
        case .bfloat16: return try unary(x, to: type) { (a: S) in BFloat16(a.double) }
        default: return try castFloatSmall(x, source, to: type)
        }
    }

    private static func castFloatSmall<S: FloatElement>(
        _ x: HostTensor, _ source: S.Type, to type: ElementType
    ) throws -> HostTensor {
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
            if type == .float16 { return try unary(x, to: type) { (a: S) in Float16(a.double) } }
        #endif
        if type.isInteger {
            let values = try castFloat(x, S.self, to: .int32).ints()
            return try HostTensor.fromInts(values, as: type, shape: x.shape)
        }
        return try HostTensor.fromDoubles(try x.doubles(), as: type, shape: x.shape)
    }

    @inline(__always)
    private static func int32(_ value: Double) -> Int32 {
        value > -2_147_483_649 && value < 2_147_483_648 ? Int32(value) : .min
    }

    @inline(__always)
    private static func int64(_ value: Double) -> Int64 {
        value >= -0x1p63 && value < 0x1p63 ? Int64(value) : .min
    }

    @inline(__always)
    private static func uint64(_ value: Double) -> UInt64 {
        if value >= 0x1p64 { return 0 }
        return value >= 0x1p63 ? UInt64(value) : UInt64(bitPattern: int64(value))
    }
}
