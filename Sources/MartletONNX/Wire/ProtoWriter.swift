import MartletCore

/// Builds a protobuf message in one pass.
///
/// Lengths of nested messages and large byte strings are not moved through buffers: they are notes beside the small
/// bytes, put together once at the end, so that weights are written straight from where they are.
struct ProtoWriter {
    /// Byte strings of this size and more are referred to, not copied.
    private static let referenceThreshold = 4096

    private enum Insertion {
        case length(Int)
        case slice(WireSlice)
    }

    private var bytes: [UInt8] = []
    private var insertions: [(position: Int, what: Insertion)] = []
    /// Number of bytes written so far, without the lengths of messages that are still open.
    private(set) var count = 0

    private mutating func byte(_ value: UInt8) {
        bytes.append(value)
        count += 1
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        byte(UInt8(rest))
    }

    mutating func tag(_ field: Int, _ type: WireType) {
        varint(UInt64(field) << 3 | UInt64(type.rawValue))
    }

    mutating func fixed32(_ value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { byte(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    private mutating func raw(_ value: some Collection<UInt8>) {
        bytes.append(contentsOf: value)
        count += value.count
    }

    /// Appends bytes as they are, such as fields that are already encoded.
    mutating func raw(_ slice: WireSlice) {
        if slice.count < Self.referenceThreshold {
            slice.withBytes { bytes.append(contentsOf: $0) }
        } else {
            insertions.append((bytes.count, .slice(slice)))
        }
        count += slice.count
    }

    /// Writes a length and then what `body` writes.
    mutating func delimited(_ body: (inout ProtoWriter) -> Void) {
        let index = insertions.count
        insertions.append((bytes.count, .length(0)))
        let start = count
        body(&self)
        let length = count - start
        insertions[index].what = .length(length)
        count += Self.varintSize(length)
    }

    /// Bytes that a base-128 integer takes.
    static func varintSize(_ value: Int) -> Int {
        max(1, (Int.bitWidth - value.leadingZeroBitCount + 6) / 7)
    }

    /// Hands the finished message over in pieces, in order.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var start = 0
        for insertion in insertions {
            try emit(start..<insertion.position, body)
            start = insertion.position
            switch insertion.what {
            case .slice(let slice): try slice.withBytes(body)
            case .length(let length):
                var small = ProtoWriter()
                small.varint(UInt64(length))
                try small.bytes.withUnsafeBytes(body)
            }
        }
        try emit(start..<bytes.count, body)
    }

    private func emit(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if range.isEmpty { return }
        try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// The finished message in one array.
    func finished() -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        // The body throws nothing, so neither does the walk.
        try? forEachPiece { result.append(contentsOf: $0) }
        return result
    }
}

// Fields. A field with its default value is left out, as protobuf's proto3 writers do and readers of proto2 accept;
// where presence matters, the caller uses the form that always writes.
extension ProtoWriter {
    mutating func int(_ field: Int, _ value: Int64) {
        if value != 0 { presentInt(field, value) }
    }

    mutating func presentInt(_ field: Int, _ value: Int64) {
        tag(field, .varint)
        varint(UInt64(bitPattern: value))
    }

    mutating func presentFloat(_ field: Int, _ value: Float) {
        tag(field, .fixed32)
        fixed32(value.bitPattern)
    }

    mutating func text(_ field: Int, _ value: String) {
        if !value.isEmpty { presentText(field, value) }
    }

    mutating func presentText(_ field: Int, _ value: String) {
        tag(field, .lengthDelimited)
        varint(UInt64(value.utf8.count))
        raw(value.utf8)
    }

    mutating func presentBytes(_ field: Int, _ value: [UInt8]) {
        tag(field, .lengthDelimited)
        varint(UInt64(value.count))
        raw(value)
    }

    mutating func presentBytes(_ field: Int, _ value: WireSlice) {
        tag(field, .lengthDelimited)
        varint(UInt64(value.count))
        raw(value)
    }

    mutating func message(_ field: Int, _ value: (some WireMessage)?) {
        guard let value else { return }
        tag(field, .lengthDelimited)
        delimited { value.write(to: &$0) }
    }

    mutating func messages(_ field: Int, _ values: [some WireMessage]) {
        for value in values { message(field, value) }
    }

    mutating func texts(_ field: Int, _ values: [String]) {
        for value in values { presentText(field, value) }
    }

    /// Repeated integers, one field each: the form that onnx.proto declares for fields without `packed`.
    mutating func ints(_ field: Int, _ values: [Int64]) {
        for value in values { presentInt(field, value) }
    }

    mutating func floats(_ field: Int, _ values: [Float]) {
        for value in values { presentFloat(field, value) }
    }
}
