// Access to elements of any type through Double and Int64. Each call switches on the type once.

extension HostTensor {
    /// All elements as `Double`: any real numeric type, and `bool` as 0 and 1. Exact, except for 64-bit integers
    /// beyond 2^53, which are rounded to nearest.
    ///
    /// - Throws: `core.element-type` for complex numbers and strings.
    public func doubles() throws -> [Double] {
        switch type {
        case .bool: widen(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .int8: widen(Int8.self) { Double($0) }
        case .int16: widen(Int16.self) { Double($0) }
        case .int32: widen(Int32.self) { Double($0) }
        case .int64: widen(Int64.self) { Double($0) }
        case .uint8: widen(UInt8.self) { Double($0) }
        case .uint16: widen(UInt16.self) { Double($0) }
        case .uint32: widen(UInt32.self) { Double($0) }
        case .uint64: widen(UInt64.self) { Double($0) }
        case .float32: widen(Float.self) { Double($0) }
        case .float64: widen(Double.self) { $0 }
        case .bfloat16: widen(BFloat16.self) { Double($0) }
        case .float16: widenFloat16()
        case .int2, .int4, .uint2, .uint4: unpackedIntegers { Double($0) }
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0,
            .float6e2m3, .float6e3m2, .float4e2m1:
            widenSmallFloat()
        case .complex64, .complex128, .string: throw noWideAccess("Double")
        }
    }

    /// All elements as `Int64`: any integer type, and `bool` as 0 and 1; `uint64` by its bit pattern.
    ///
    /// - Throws: `core.element-type` for other types.
    public func ints() throws -> [Int64] {
        switch type {
        case .bool: widen(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .int8: widen(Int8.self) { Int64($0) }
        case .int16: widen(Int16.self) { Int64($0) }
        case .int32: widen(Int32.self) { Int64($0) }
        case .int64: widen(Int64.self) { $0 }
        case .uint8: widen(UInt8.self) { Int64($0) }
        case .uint16: widen(UInt16.self) { Int64($0) }
        case .uint32: widen(UInt32.self) { Int64($0) }
        case .uint64: widen(UInt64.self) { Int64(bitPattern: $0) }
        case .int2, .int4, .uint2, .uint4: unpackedIntegers { Int64($0) }
        default: throw noWideAccess("Int64")
        }
    }

    /// A tensor of `values`, each rounded once to nearest, ties to even, into `type`.
    ///
    /// Float8 and smaller saturate as ONNX Cast does by default; the others overflow to infinity. For integers values
    /// are truncated toward zero and should be in range: others give some value, never a trap. `bool` is `value != 0`.
    ///
    /// - Throws: `core.shape` if the count differs from that of the shape, `core.element-type` for complex and string.
    public static func fromDoubles(_ values: [Double], as type: ElementType, shape: [Int]) throws -> HostTensor {
        try fill(type, shape, values) { bytes in
            switch type {
            case .bool: narrow(values, bytes) { $0 != 0 ? 1 as UInt8 : 0 }
            case .int8, .uint8: narrow(values, bytes) { UInt8(truncatingIfNeeded: truncate($0)) }
            case .int16, .uint16: narrow(values, bytes) { UInt16(truncatingIfNeeded: truncate($0)) }
            case .int32, .uint32: narrow(values, bytes) { UInt32(truncatingIfNeeded: truncate($0)) }
            case .int64, .uint64: narrow(values, bytes) { truncate($0) }
            case .float32: narrow(values, bytes) { Float($0) }
            case .float64: narrow(values, bytes) { $0 }
            case .bfloat16: narrow(values, bytes) { BFloat16($0) }
            case .float16: narrowFloat16(values, bytes)
            case .int2, .int4, .uint2, .uint4:
                PackedBits.pack(count: values.count, width: type.bitWidth, into: bytes) {
                    UInt8(truncatingIfNeeded: truncate(values[$0]))
                }
            default: narrowSmallFloat(values, type, bytes)
            }
        }
    }

    /// A tensor of `values`, of which the low bits are kept; `bool` is `value != 0`.
    ///
    /// - Throws: `core.shape` if the count differs from that of the shape, `core.element-type` unless `type` is an
    ///   integer type or `bool`.
    public static func fromInts(_ values: [Int64], as type: ElementType, shape: [Int]) throws -> HostTensor {
        guard type.isInteger || type == .bool else {
            throw Diagnostic("core.element-type", "a tensor of \(type) cannot be made of integers")
        }
        return try fill(type, shape, values) { bytes in
            switch type {
            case .bool: narrow(values, bytes) { $0 != 0 ? 1 as UInt8 : 0 }
            case .int8, .uint8: narrow(values, bytes) { UInt8(truncatingIfNeeded: $0) }
            case .int16, .uint16: narrow(values, bytes) { UInt16(truncatingIfNeeded: $0) }
            case .int32, .uint32: narrow(values, bytes) { UInt32(truncatingIfNeeded: $0) }
            case .int64, .uint64: narrow(values, bytes) { $0 }
            default:
                PackedBits.pack(count: values.count, width: type.bitWidth, into: bytes) {
                    UInt8(truncatingIfNeeded: values[$0])
                }
            }
        }
    }
}

// MARK: - Reading

extension HostTensor {
    @inline(__always)
    private func widen<T: BitwiseCopyable, R>(_ element: T.Type, _ convert: (T) -> R) -> [R] {
        withUnsafeBytes { bytes in
            [R](unsafeUninitializedCapacity: count) { result, initialized in
                // Unaligned: the bytes may be those of a file.
                if let start = bytes.baseAddress {
                    for index in 0..<count {
                        let value = start.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
                        result.initializeElement(at: index, to: convert(value))
                    }
                }
                initialized = count
            }
        }
    }

    private func widenFloat16() -> [Double] {
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
            widen(Float16.self) { Double($0) }
        #else
            widen(UInt16.self) { FloatFormat.float16.decode($0) }
        #endif
    }

    private func widenSmallFloat() -> [Double] {
        guard let table = type.floatFormat?.decodingTable() else { return [] }
        return unpacked().map { table[Int($0)] }
    }

    /// The codes of a type of at most 8 bits, a byte each.
    private func unpacked() -> [UInt8] {
        withUnsafeBytes { bytes in
            type.isPacked ? PackedBits.unpack(bytes, count: count, width: type.bitWidth) : Array(bytes)
        }
    }

    @inline(__always)
    private func unpackedIntegers<R>(_ convert: (Int8) -> R) -> [R] {
        let shift = type.isSigned ? Int8(8 - type.bitWidth) : 0
        return unpacked().map { convert((Int8(bitPattern: $0) << shift) >> shift) }
    }

    private func noWideAccess(_ wanted: String) -> Diagnostic {
        Diagnostic("core.element-type", "elements of type \(type) cannot be read as \(wanted)")
    }
}

// MARK: - Writing

extension HostTensor {
    private static func fill<T>(
        _ type: ElementType, _ shape: [Int], _ values: [T], _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) throws -> HostTensor {
        guard !type.isComplex else {
            throw Diagnostic("core.element-type", "a tensor of \(type) cannot be made of real numbers")
        }
        try check(values.count, fits: type, shape)
        return try make(type, shape: shape, body)
    }

    @inline(__always)
    private static func narrow<T, R: BitwiseCopyable>(
        _ values: [T], _ bytes: UnsafeMutableRawBufferPointer, _ convert: (T) -> R
    ) {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: R.self) else { return }
        for index in values.indices { (start + index).initialize(to: convert(values[index])) }
    }

    private static func narrowFloat16(_ values: [Double], _ bytes: UnsafeMutableRawBufferPointer) {
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
            narrow(values, bytes) { Float16($0) }
        #else
            narrow(values, bytes) { FloatFormat.float16.encode($0, saturate: false) }
        #endif
    }

    private static func narrowSmallFloat(
        _ values: [Double], _ type: ElementType, _ bytes: UnsafeMutableRawBufferPointer
    ) {
        guard let format = type.floatFormat else { return }
        let encode = { (value: Double) in UInt8(truncatingIfNeeded: format.encode(value, saturate: true)) }
        if type.isPacked {
            PackedBits.pack(count: values.count, width: type.bitWidth, into: bytes) { encode(values[$0]) }
        } else {
            narrow(values, bytes, encode)
        }
    }

    /// `value` toward zero, modulo 2^64; beyond that, and for NaN, the minimum, as x86 converts.
    @inline(__always)
    private static func truncate(_ value: Double) -> Int64 {
        if abs(value) < 0x1p63 { return Int64(value) }
        return value > 0 && value < 0x1p64 ? Int64(bitPattern: UInt64(value)) : .min
    }
}
