/// The type of a tensor's elements.
public enum ElementType: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    // Raw values are stored in files: append, never reorder.

    /// True or false, a byte each.
    case bool
    /// Signed integers in two's complement, of this many bits.
    case int2, int4, int8, int16, int32, int64
    /// Unsigned integers of this many bits.
    case uint2, uint4, uint8, uint16, uint32, uint64
    /// Floating-point numbers: IEEE 754, and the upper half of a float32.
    case float16, bfloat16, float32, float64
    /// Floating-point numbers of 8 bits; ``FloatFormat`` tells the layouts.
    case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0
    /// Floating-point numbers of 6 and 4 bits.
    case float6e2m3, float6e3m2, float4e2m1
    /// Complex numbers of two float32 or two float64.
    case complex64, complex128
    /// Strings of Unicode characters, of any length.
    case string
}

/// What is known about one element type: one row of the table that drives everything else.
struct ElementTypeFacts: Sendable {
    enum Kind { case bool, signed, unsigned, float, complex, string }

    let type: ElementType
    let name: String
    let kind: Kind
    let bits: Int
    /// `TensorProto.DataType` of ONNX.
    let onnx: Int
    /// Type descriptor in `.npy` files; nil where NumPy itself has no such type.
    let numpy: String?
    /// Layout of the bits, for floating-point types of at most 16 bits.
    let format: FloatFormat?

    init(
        _ type: ElementType, _ name: String, _ kind: Kind, _ bits: Int, onnx: Int, numpy: String? = nil,
        format: FloatFormat? = nil
    ) {
        (self.type, self.name, self.kind, self.bits) = (type, name, kind, bits)
        (self.onnx, self.numpy, self.format) = (onnx, numpy, format)
    }

    /// All rows, in the order of the raw values.
    static let table: [ElementTypeFacts] = [
        .init(.bool, "bool", .bool, 8, onnx: 9, numpy: "|b1"),
        .init(.int2, "i2", .signed, 2, onnx: 26),
        .init(.int4, "i4", .signed, 4, onnx: 22),
        .init(.int8, "i8", .signed, 8, onnx: 3, numpy: "|i1"),
        .init(.int16, "i16", .signed, 16, onnx: 5, numpy: "<i2"),
        .init(.int32, "i32", .signed, 32, onnx: 6, numpy: "<i4"),
        .init(.int64, "i64", .signed, 64, onnx: 7, numpy: "<i8"),
        .init(.uint2, "u2", .unsigned, 2, onnx: 25),
        .init(.uint4, "u4", .unsigned, 4, onnx: 21),
        .init(.uint8, "u8", .unsigned, 8, onnx: 2, numpy: "|u1"),
        .init(.uint16, "u16", .unsigned, 16, onnx: 4, numpy: "<u2"),
        .init(.uint32, "u32", .unsigned, 32, onnx: 12, numpy: "<u4"),
        .init(.uint64, "u64", .unsigned, 64, onnx: 13, numpy: "<u8"),
        .init(.float16, "f16", .float, 16, onnx: 10, numpy: "<f2", format: .float16),
        .init(.bfloat16, "bf16", .float, 16, onnx: 16, format: .bfloat16),
        .init(.float32, "f32", .float, 32, onnx: 1, numpy: "<f4"),
        .init(.float64, "f64", .float, 64, onnx: 11, numpy: "<f8"),
        .init(.float8e4m3fn, "f8e4m3fn", .float, 8, onnx: 17, format: .float8e4m3fn),
        .init(.float8e4m3fnuz, "f8e4m3fnuz", .float, 8, onnx: 18, format: .float8e4m3fnuz),
        .init(.float8e5m2, "f8e5m2", .float, 8, onnx: 19, format: .float8e5m2),
        .init(.float8e5m2fnuz, "f8e5m2fnuz", .float, 8, onnx: 20, format: .float8e5m2fnuz),
        .init(.float8e8m0, "f8e8m0", .float, 8, onnx: 24, format: .float8e8m0),
        .init(.float6e2m3, "f6e2m3", .float, 6, onnx: 27, format: .float6e2m3),
        .init(.float6e3m2, "f6e3m2", .float, 6, onnx: 28, format: .float6e3m2),
        .init(.float4e2m1, "f4e2m1", .float, 4, onnx: 23, format: .float4e2m1),
        .init(.complex64, "c64", .complex, 64, onnx: 14, numpy: "<c8"),
        .init(.complex128, "c128", .complex, 128, onnx: 15, numpy: "<c16"),
        .init(.string, "string", .string, 0, onnx: 8),
    ]
}

extension ElementType {
    var facts: ElementTypeFacts { ElementTypeFacts.table[Int(rawValue)] }

    /// Short name as printed, such as `f32`, `u8`, `f8e4m3fn`.
    public var name: String { facts.name }

    /// The type with this short name.
    public init?(name: String) {
        guard let facts = ElementTypeFacts.table.first(where: { $0.name == name }) else { return nil }
        self = facts.type
    }

    /// Bits of one stored element: 8 for `bool`, 2, 4 or 6 for packed types, 0 for `string`.
    public var bitWidth: Int { facts.bits }

    /// Whether elements are real floating-point numbers, of any width.
    public var isFloatingPoint: Bool { facts.kind == .float }

    /// Whether elements are signed or unsigned integers; `bool` is none.
    public var isInteger: Bool { facts.kind == .signed || facts.kind == .unsigned }

    /// Whether elements can be negative: signed integers, complex, and floating point except `float8e8m0`.
    public var isSigned: Bool {
        switch facts.kind {
        case .signed, .complex: true
        case .float: self != .float8e8m0
        case .unsigned, .bool, .string: false
        }
    }

    /// Whether elements are complex numbers, stored as real and imaginary part.
    public var isComplex: Bool { facts.kind == .complex }

    /// Whether several elements share a byte.
    public var isPacked: Bool { bitWidth != 0 && bitWidth < 8 }

    /// Layout of the bits of a floating-point type of at most 16 bits, nil for all other types.
    public var floatFormat: FloatFormat? { facts.format }

    /// The type of the parts of a complex type; the type itself otherwise.
    public var componentType: ElementType {
        switch self {
        case .complex64: .float32
        case .complex128: .float64
        default: self
        }
    }

    /// Bytes that `elements` elements take, packed, the last byte filled up; nil when negative or too many.
    public func byteCount(of elements: Int) -> Int? {
        guard elements >= 0 else { return nil }
        let bits = bitWidth
        if bits % 8 == 0 {
            let (bytes, overflow) = elements.multipliedReportingOverflow(by: bits / 8)
            return overflow ? nil : bytes
        }
        // In two parts, so that the count of bits itself cannot overflow.
        return elements / 8 * bits + (elements % 8 * bits + 7) / 8
    }
}

// MARK: - Codes in file formats

extension ElementType {
    /// `TensorProto.DataType` of ONNX.
    public var onnxCode: Int { facts.onnx }

    /// The type with this `TensorProto.DataType`; nil for UNDEFINED and unknown numbers.
    public init?(onnxCode: Int) {
        guard let facts = ElementTypeFacts.table.first(where: { $0.onnx == onnxCode }) else { return nil }
        self = facts.type
    }

    /// Type descriptor of NumPy, little-endian (`<f4`); nil where NumPy has no such type.
    public var numpyDescriptor: String? { facts.numpy }
}

// MARK: - Ranges

extension ElementType {
    /// Highest finite value of a real numeric type, 1 for `bool`, nil for complex and string.
    /// For 64-bit integers the nearest `Double`.
    public var highestFinite: Double? {
        switch facts.kind {
        case .bool: 1
        case .signed, .unsigned: Double(integerMask >> (isSigned ? 1 : 0))
        case .float: highestFloat
        case .complex, .string: nil
        }
    }

    /// Lowest finite value of a real numeric type, 0 for `bool`, nil for complex and string.
    /// For `float8e8m0`, which has no zero, its smallest value.
    public var lowestFinite: Double? {
        switch facts.kind {
        case .bool: 0
        case .signed: -Double(integerMask >> 1) - (bitWidth == 64 ? 0 : 1)
        case .unsigned: 0
        case .float: self == .float8e8m0 ? 0x1p-127 : -highestFloat
        case .complex, .string: nil
        }
    }

    /// Highest value of an integer type or bool as `Int`; nil for other types, and for `uint64`, where it does not fit.
    public var highestInteger: Int? {
        if self == .bool { return 1 }
        return isInteger ? Int(exactly: integerMask >> (isSigned ? 1 : 0)) : nil
    }

    /// Lowest value of an integer type or bool; nil for other types.
    public var lowestInteger: Int? {
        if self == .bool { return 0 }
        guard isInteger else { return nil }
        return isSigned ? -Int(integerMask >> 1) - 1 : 0
    }

    private var integerMask: UInt64 { ~0 >> UInt64(64 - bitWidth) }

    private var highestFloat: Double {
        switch self {
        case .float32: Double(Float.greatestFiniteMagnitude)
        case .float64: Double.greatestFiniteMagnitude
        default: floatFormat?.highestFinite ?? .nan
        }
    }
}

extension ElementType: CustomStringConvertible {
    /// The short name.
    public var description: String { name }
}
