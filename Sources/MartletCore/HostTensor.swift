internal import Glibc

/// A tensor in the memory of the host: element type, shape, and contiguous row-major elements that never change.
///
/// Elements of fewer than 8 bits are packed, low bits first, without padding between rows, as ONNX stores them.
public struct HostTensor: Sendable {
    /// Type of the elements.
    public let type: ElementType
    /// Extents, outermost first; empty for a scalar.
    public let shape: [Int]
    /// Number of elements.
    public let count: Int
    /// Where the elements are kept; may be shared with other tensors.
    public let storage: TensorStorage
    /// Where in `storage` the elements begin. Need not be aligned when the storage is a mapped file.
    public let byteOffset: Int
    /// Bytes that the elements take; 0 for strings.
    public let byteCount: Int

    /// A tensor over existing storage, of which it takes the bytes from `byteOffset` on.
    ///
    /// - Throws: `core.shape` for a bad shape, `core.tensor-bounds` if the storage is too small.
    public init(type: ElementType, shape: [Int], storage: TensorStorage, byteOffset: Int = 0) throws {
        (count, byteCount) = try Self.size(of: type, shape)
        let (end, overflow) = byteOffset.addingReportingOverflow(byteCount)
        let isInside = !overflow && byteOffset >= 0 && end <= storage.byteCount
        guard isInside, type != .string || storage.strings.count == count else {
            throw Diagnostic(
                "core.tensor-bounds",
                "a tensor \(Self.describe(type, shape)) of \(byteCount) bytes at offset "
                    + "\(byteOffset) does not fit storage of \(storage.byteCount) bytes")
        }
        self.type = type
        self.shape = shape
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// A tensor of `values` in row-major order.
    ///
    /// - Throws: `core.shape` for a bad shape or if the count of values differs from that of the shape.
    public init<T: TensorElement>(_ values: [T], shape: [Int]) throws {
        try Self.check(values.count, fits: T.elementType, shape)
        self = try Self.make(T.elementType, shape: shape) { bytes in
            values.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
    }

    /// A tensor of shape `[]`.
    public init<T: TensorElement>(scalar: T) {
        (type, shape, count) = (T.elementType, [], 1)
        (storage, byteOffset, byteCount) = (TensorStorage(element: scalar), 0, MemoryLayout<T>.size)
    }

    /// A tensor whose bytes are all zero (strings: empty).
    ///
    /// - Throws: `core.shape`, `core.out-of-memory`.
    public init(zeros type: ElementType, shape: [Int]) throws {
        if type == .string {
            let count = try Self.size(of: type, shape).count
            try self.init(strings: Array(repeating: "", count: count), shape: shape)
        } else {
            self = try Self.make(type, shape: shape) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        }
    }

    /// A tensor of strings in row-major order.
    ///
    /// - Throws: `core.shape` for a bad shape or if the count of strings differs from that of the shape.
    public init(strings: [String], shape: [Int]) throws {
        try Self.check(strings.count, fits: .string, shape)
        try self.init(type: .string, shape: shape, storage: TensorStorage(strings: strings))
    }

    /// A tensor in new memory of which `fill` must write every byte. Unused bits of the last byte are to be zero.
    ///
    /// - Throws: `core.shape`, `core.out-of-memory`, `core.element-type` for strings, and what `fill` throws.
    public static func make(
        _ type: ElementType, shape: [Int], _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> HostTensor {
        guard type != .string else {
            throw Diagnostic("core.element-type", "a tensor of strings cannot be made of bytes")
        }
        let byteCount = try size(of: type, shape).byteCount
        return try HostTensor(
            type: type, shape: shape, storage: TensorStorage(byteCount: byteCount, fill: fill))
    }
}

// MARK: - Access

extension HostTensor {
    /// Calls `body` with the bytes of the elements, which are valid during the call and may be unaligned.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try storage.withUnsafeBytes { all in
            try body(UnsafeRawBufferPointer(rebasing: all[byteOffset..<byteOffset + byteCount]))
        }
    }

    /// The strings in row-major order; empty for other types.
    public var strings: [String] { storage.strings }

    /// The elements in row-major order. Any `bool` byte except 0 is true.
    ///
    /// - Throws: `core.element-type` unless `T.elementType` is exactly the tensor's type.
    public func array<T: TensorElement>(of element: T.Type) throws -> [T] {
        guard T.elementType == type else {
            throw Diagnostic(
                "core.element-type", "the tensor has elements of type \(type), not \(T.elementType)",
                help: "ask for array(of:) with the Swift type of \(type)")
        }
        return withUnsafeBytes { bytes in
            if type == .bool, let values = bytes.map({ $0 != 0 }) as? [T] { return values }
            return [T](unsafeUninitializedCapacity: count) { buffer, initialized in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                initialized = count
            }
        }
    }

    /// The same elements in another shape; shares the storage.
    ///
    /// - Throws: `core.shape` for a bad shape or if the count of elements differs.
    public func reshaped(_ shape: [Int]) throws -> HostTensor {
        try Self.check(count, fits: type, shape)
        return try HostTensor(type: type, shape: shape, storage: storage, byteOffset: byteOffset)
    }

    /// The bits of element `index` in row-major order, in the low bits of the result; of a `complex128` the low half.
    /// 0 for strings and for an index out of range.
    public func elementBits(at index: Int) -> UInt64 {
        guard index >= 0, index < count, type != .string else { return 0 }
        let width = type.bitWidth
        return withUnsafeBytes { bytes in
            if width < 8 { return UInt64(PackedBits.element(index, width: width, in: bytes)) }
            let first = index * (width / 8)
            var bits: UInt64 = 0
            for offset in 0..<min(width / 8, 8) { bits |= UInt64(bytes[first + offset]) << UInt64(8 * offset) }
            return bits
        }
    }

    /// Whether type, shape and every bit of every element agree. Unused bits of a packed tensor do not count.
    public func isIdentical(to other: HostTensor) -> Bool {
        guard type == other.type, shape == other.shape, strings == other.strings else { return false }
        let usedInLast = count % 8 * type.bitWidth % 8
        return withUnsafeBytes { mine in
            other.withUnsafeBytes { theirs in
                let whole = usedInLast == 0 ? mine.count : mine.count - 1
                if let a = mine.baseAddress, let b = theirs.baseAddress, memcmp(a, b, whole) != 0 { return false }
                guard usedInLast != 0, let a = mine.last, let b = theirs.last else { return true }
                return (a ^ b) << UInt8(8 - usedInLast) == 0
            }
        }
    }
}

// MARK: - Sizes

extension HostTensor {
    /// Elements and bytes of a tensor.
    ///
    /// - Throws: `core.shape` if an extent is negative, or if the extents other than 0 have too large a product: so
    ///   strides fit an `Int` also for empty tensors.
    public static func size(of type: ElementType, _ shape: [Int]) throws -> (count: Int, byteCount: Int) {
        var product = 1
        for extent in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
            guard extent >= 0, !overflow else { throw badShape(type, shape) }
            product = next
        }
        guard let byteCount = type.byteCount(of: product) else { throw badShape(type, shape) }
        return shape.contains(0) ? (0, 0) : (product, byteCount)
    }

    static func check(_ count: Int, fits type: ElementType, _ shape: [Int]) throws {
        let expected = try size(of: type, shape).count
        guard count == expected else {
            throw Diagnostic("core.shape", "\(count) elements do not fill the shape \(shape) of \(expected) elements")
        }
    }

    private static func badShape(_ type: ElementType, _ shape: [Int]) -> Diagnostic {
        Diagnostic("core.shape", "\(describe(type, shape)) is no shape: an extent is negative or the size too large")
    }

    static func describe(_ type: ElementType, _ shape: [Int]) -> String {
        "\(type)[\(shape.map(String.init).joined(separator: ","))]"
    }
}

extension HostTensor: CustomStringConvertible {
    /// Type and shape, as `f32[2,3]`.
    public var description: String { Self.describe(type, shape) }
}
