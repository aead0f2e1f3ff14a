public import MartletCore

// Tensors from their stored forms: raw bytes, typed fields, other files.
extension TensorProto {
    /// The tensor with its values. Bytes that lie in a file as they must in memory are not copied, if their address
    /// suits the element type.
    ///
    /// - Parameter externalData: the files beside the model; nil where tensors may not refer to any.
    /// - Throws: `Diagnostic` if values are missing, too few, too many or not where they must be.
    public func hostTensor(externalData: ExternalData? = nil) throws -> HostTensor {
        let type = try elementType
        let shape = dimensions.map(Int.init)
        let size = try sizeChecked(type, shape)
        switch payload {
        case .raw(let slice):
            return try fromRaw(slice, type, shape, byteCount: size.byteCount)
        case .field(let field, let message):
            return try fromField(field, message, type, shape)
        case .strings(let strings):
            return try fromStrings(strings, type, shape)
        case .external:
            return try fromRaw(
                try externalSlice(externalData, byteCount: size.byteCount), type, shape,
                byteCount: size.byteCount)
        case .none:
            guard size.count == 0 else { throw failure("onnx.tensor-size", "values are missing") }
            return try HostTensor(zeros: type, shape: shape)
        }
    }

    private func sizeChecked(_ type: ElementType, _ shape: [Int]) throws -> (count: Int, byteCount: Int) {
        do {
            return try HostTensor.size(of: type, shape)
        } catch let error as Diagnostic {
            throw failure(error.code, error.message)
        }
    }

    private func wrongSize(_ found: Int, _ unit: String, wanted: Int) -> Diagnostic {
        failure("onnx.tensor-size", "\(found) \(unit) are stored where the shape asks for \(wanted)")
    }

    // MARK: Raw bytes

    private func fromRaw(_ slice: WireSlice, _ type: ElementType, _ shape: [Int], byteCount: Int) throws -> HostTensor {
        guard type != .string || shape.contains(0) else {
            throw failure("onnx.tensor-field", "strings cannot be stored as raw bytes")
        }
        guard slice.count == byteCount else { throw wrongSize(slice.count, "bytes", wanted: byteCount) }
        if byteCount == 0 { return try HostTensor(zeros: type, shape: shape) }
        return try slice.withBytes { bytes in
            let address = Int(bitPattern: bytes.baseAddress)
            let alignment = max(1, type.componentType.bitWidth / 8)
            // A bool is 0 or 1 for all code behind this point, and any other byte in a file means true.
            let isClean = type != .bool || bytes.allSatisfy { $0 <= 1 }
            if address % alignment == 0 && isClean {
                return try HostTensor(
                    type: type, shape: shape, storage: slice.source.storage, byteOffset: slice.offset)
            }
            return try HostTensor.make(type, shape: shape) { target in
                if isClean { return target.copyMemory(from: bytes) }
                target.copyBytes(from: bytes.lazy.map { min($0, 1) })
            }
        }
    }

    // MARK: Typed fields

    private func fromField(
        _ field: Int, _ message: WireSlice, _ type: ElementType, _ shape: [Int]
    ) throws -> HostTensor {
        guard field == type.typedField else {
            throw failure("onnx.tensor-field", "elements of type \(type) cannot be stored in field \(field)")
        }
        switch field {
        case 6: return try fromStrings(try readStrings(message), type, shape)
        case 4, 10: return try fromFixed(field, message, type, shape)
        default: return try fromVarints(field, message, type, shape)
        }
    }

    private func readStrings(_ message: WireSlice) throws -> [String] {
        var strings: [String] = []
        try TensorProto.forEachOccurrence(of: 6, in: message) { tag, range in
            var reader = try ProtoReader(WireSlice(unchecked: message.source, range))
            _ = try reader.nextTag()
            strings.append(try reader.text(tag))
        }
        return strings
    }

    private func fromStrings(_ strings: [String], _ type: ElementType, _ shape: [Int]) throws -> HostTensor {
        guard type == .string else { throw failure("onnx.tensor-field", "strings in a tensor of type \(type)") }
        let count = try sizeChecked(type, shape).count
        guard strings.count == count else { throw wrongSize(strings.count, "strings", wanted: count) }
        return try HostTensor(strings: strings, shape: shape)
    }

    /// Calls `body` with the value of each occurrence of a field, without tag and length: packed values, or one.
    private func forEachValue(
        _ field: Int, _ message: WireSlice, _ wireType: WireType, _ body: (WireSlice) throws -> Void
    ) throws {
        try TensorProto.forEachOccurrence(of: field, in: message) { tag, range in
            var reader = try ProtoReader(WireSlice(unchecked: message.source, range))
            _ = try reader.nextTag()
            if tag.type == .lengthDelimited { return try body(try reader.slice()) }
            guard tag.type == wireType else {
                throw reader.failure("wire.type", "field \(field) has wire type \(tag.type.rawValue)", at: tag.offset)
            }
            try body(WireSlice(unchecked: message.source, reader.position..<range.upperBound))
        }
    }

    /// `float_data` and `double_data`, whose bytes are the elements'.
    private func fromFixed(
        _ field: Int, _ message: WireSlice, _ type: ElementType, _ shape: [Int]
    ) throws -> HostTensor {
        let wireType: WireType = field == 4 ? .fixed32 : .fixed64
        let wanted = try sizeChecked(type, shape).byteCount
        var first: WireSlice?
        var found = 0
        try forEachValue(field, message, wireType) { slice in
            first = first ?? slice
            found += slice.count
        }
        if let first, first.count == found { return try fromRaw(first, type, shape, byteCount: wanted) }
        guard found == wanted else { throw wrongSize(found, "bytes", wanted: wanted) }
        return try HostTensor.make(type, shape: shape) { target in
            var offset = 0
            try forEachValue(field, message, wireType) { slice in
                slice.withBytes { UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: $0) }
                offset += slice.count
            }
        }
    }

    /// `int32_data`, `int64_data` and `uint64_data`.
    private func fromVarints(
        _ field: Int, _ message: WireSlice, _ type: ElementType, _ shape: [Int]
    ) throws -> HostTensor {
        let size = try sizeChecked(type, shape)
        // An entry holds an element, or a byte full of elements of 4 or 2 bits.
        let wanted = type.bitWidth < 8 && type.bitWidth != 6 ? size.byteCount : size.count
        var found = 0
        try forEachValue(field, message, .varint) { found += $0.withBytes { $0.count { $0 < 0x80 } } }
        guard found == wanted else { throw wrongSize(found, "entries", wanted: wanted) }
        return try HostTensor.make(type, shape: shape) { target in
            var sink = ElementSink(target: target, type: type)
            try forEachValue(field, message, .varint) { slice in
                var reader = try ProtoReader(slice)
                while !reader.isAtEnd { sink.put(try reader.varint()) }
            }
        }
    }
}

/// Writes the low bits of integers one after the other.
private struct ElementSink {
    let target: UnsafeMutableRawBufferPointer
    let type: ElementType
    private let width: Int
    private var offset = 0
    private var pending: UInt32 = 0
    private var pendingBits = 0

    init(target: UnsafeMutableRawBufferPointer, type: ElementType) {
        self.target = target
        self.type = type
        width = type.bitWidth == 6 ? 6 : max(8, type.bitWidth)
        if width == 6 { target.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    mutating func put(_ value: UInt64) {
        switch width {
        case 6: putSixBits(UInt32(value & 0x3f))
        case 8: store(type == .bool ? (value == 0 ? 0 : 1) : UInt8(truncatingIfNeeded: value))
        case 16: store(UInt16(truncatingIfNeeded: value))
        case 32: store(UInt32(truncatingIfNeeded: value))
        default: store(value)
        }
    }

    private mutating func store<Value: BitwiseCopyable>(_ value: Value) {
        guard offset + MemoryLayout<Value>.size <= target.count else { return }
        target.storeBytes(of: value, toByteOffset: offset, as: Value.self)
        offset += MemoryLayout<Value>.size
    }

    private mutating func putSixBits(_ code: UInt32) {
        guard offset < target.count else { return }
        pending |= code << UInt32(pendingBits)
        pendingBits += 6
        target[offset] = UInt8(truncatingIfNeeded: pending)
        if pendingBits >= 8 {
            pending >>= 8
            pendingBits -= 8
            offset += 1
            if pendingBits > 0 && offset < target.count { target[offset] = UInt8(truncatingIfNeeded: pending) }
        }
    }
}

extension ElementType {
    /// The typed field of `TensorProto` that holds elements of this type.
    fileprivate var typedField: Int {
        switch self {
        case .float32, .complex64: 4
        case .string: 6
        case .int64: 7
        case .float64, .complex128: 10
        case .uint32, .uint64: 11
        default: 5
        }
    }
}
