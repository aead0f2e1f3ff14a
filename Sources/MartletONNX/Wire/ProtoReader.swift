import MartletCore

/// How a field's value is laid out, the low three bits of its tag.
enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// The number and layout that stand before a field's value.
struct ProtoTag {
    /// Field number, at least 1.
    var field: Int
    /// Layout of the value that follows.
    var type: WireType
    /// Offset of the tag in the source.
    var offset: Int
}

/// A cursor over one protobuf message.
///
/// Every read is checked against the message's end; nothing is allocated on the word of a length in the file.
/// The layout is that of https://protobuf.dev/programming-guides/encoding. Groups are refused.
struct ProtoReader {
    /// Deepest nesting of messages, the limit that protobuf's own readers have.
    static let maximumDepth = 100

    let source: WireSource
    /// Offset in the source of the next byte.
    private(set) var position: Int
    private let end: Int
    private let depth: Int
    private let bytes: UnsafeRawBufferPointer

    /// Starts at the first byte of a message that `depth` others enclose.
    init(_ slice: WireSlice, depth: Int = 0) throws {
        source = slice.source
        position = slice.offset
        end = slice.offset + slice.count
        self.depth = depth
        bytes = slice.source.bytes
        if depth > Self.maximumDepth {
            throw failure("wire.depth", "messages are nested more than \(Self.maximumDepth) deep")
        }
    }

    /// Whether the whole message has been read.
    var isAtEnd: Bool { position >= end }

    /// An error at the cursor, or at `offset`.
    func failure(_ code: String, _ message: String, at offset: Int? = nil) -> Diagnostic {
        source.failure(code, message, at: offset ?? position)
    }

    /// The next field's tag, nil at the end of the message.
    mutating func nextTag() throws -> ProtoTag? {
        if isAtEnd { return nil }
        let start = position
        let value = try varint()
        guard let type = WireType(rawValue: UInt8(value & 7)), value >> 3 >= 1, value >> 3 < 1 << 29 else {
            throw failure("wire.tag", "not a protobuf field tag", at: start)
        }
        if type == .startGroup || type == .endGroup {
            throw failure("wire.group", "protobuf groups are not part of ONNX", at: start)
        }
        return ProtoTag(field: Int(value >> 3), type: type, offset: start)
    }

    /// A base-128 integer of at most ten bytes.
    mutating func varint() throws -> UInt64 {
        let start = position
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            if shift == 63 && byte > 1 { break }
            result |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        let isCut = position >= end && shift < 70
        throw failure(
            "wire.varint", isCut ? "the message ends inside an integer" : "an integer is longer than 64 bits",
            at: start)
    }

    mutating func fixed32() throws -> UInt32 {
        UInt32(littleEndian: try fixed(UInt32.self))
    }

    mutating func fixed64() throws -> UInt64 {
        UInt64(littleEndian: try fixed(UInt64.self))
    }

    private mutating func fixed<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws -> Value {
        let size = MemoryLayout<Value>.size
        guard end - position >= size else {
            throw failure("wire.truncated", "the message ends inside a \(size)-byte value")
        }
        defer { position += size }
        return bytes.loadUnaligned(fromByteOffset: position, as: Value.self)
    }

    /// The bytes of a length-delimited value.
    mutating func slice() throws -> WireSlice {
        let start = position
        let length = try varint()
        guard length <= UInt64(end - position) else {
            throw failure("wire.length", "a field of \(length) bytes does not fit its message", at: start)
        }
        defer { position += Int(length) }
        return WireSlice(unchecked: source, offset: position, count: Int(length))
    }

    /// Steps over the value of a field that the reader does not know.
    mutating func skip(_ tag: ProtoTag) throws {
        switch tag.type {
        case .varint: _ = try varint()
        case .fixed64: _ = try fixed64()
        case .fixed32: _ = try fixed32()
        default: _ = try slice()
        }
    }
}

// Values of fields. Each checks that the field has the layout it must have.
extension ProtoReader {
    private func require(_ type: WireType, _ tag: ProtoTag) throws {
        guard tag.type == type else {
            let message = "field \(tag.field) has wire type \(tag.type.rawValue), expected \(type.rawValue)"
            throw failure("wire.type", message, at: tag.offset)
        }
    }

    mutating func int64(_ tag: ProtoTag) throws -> Int64 {
        try require(.varint, tag)
        return Int64(bitPattern: try varint())
    }

    /// An int32 or enum: protobuf keeps the low 32 bits.
    mutating func int32(_ tag: ProtoTag) throws -> Int32 {
        Int32(truncatingIfNeeded: try int64(tag))
    }

    mutating func float(_ tag: ProtoTag) throws -> Float {
        try require(.fixed32, tag)
        return Float(bitPattern: try fixed32())
    }

    mutating func bytes(_ tag: ProtoTag) throws -> WireSlice {
        try require(.lengthDelimited, tag)
        return try slice()
    }

    mutating func text(_ tag: ProtoTag) throws -> String {
        try bytes(tag).text()
    }

    /// Text for people, where bytes that are not UTF-8 do no harm.
    mutating func lenientText(_ tag: ProtoTag) throws -> String {
        try bytes(tag).withBytes { String(decoding: $0, as: UTF8.self) }
    }

    mutating func message<Message: WireMessage>(_ tag: ProtoTag) throws -> Message {
        try Message(slice: try bytes(tag), depth: depth + 1)
    }

    /// Reads a message that may occur only once; protobuf would merge a second one, which nothing writes.
    mutating func message<Message: WireMessage>(_ tag: ProtoTag, into place: inout Message?) throws {
        guard place == nil else {
            throw failure("wire.repeated", "field \(tag.field) may occur only once", at: tag.offset)
        }
        place = try message(tag)
    }

    /// Whether the next field is one more entry of this field; steps over its tag if so.
    private mutating func continues(_ tag: ProtoTag) throws -> Bool {
        let start = position
        if let next = try nextTag(), next.field == tag.field, next.type == tag.type { return true }
        position = start
        return false
    }

    /// Reads an entry of a repeated field and all entries that follow it, behind those of `list`.
    mutating func run<Element>(
        _ tag: ProtoTag, _ list: [Element], _ entry: (inout ProtoReader, ProtoTag, inout [Element]) throws -> Void
    ) throws -> [Element] {
        var list = list
        repeat { try entry(&self, tag, &list) } while try continues(tag)
        return list
    }

    mutating func messages<Message: WireMessage>(_ tag: ProtoTag, _ list: [Message] = []) throws -> [Message] {
        try run(tag, list) { $2.append(try $0.message($1)) }
    }

    /// Calls `element` for each entry of a repeated scalar, packed into one value or standing alone.
    mutating func each(
        _ tag: ProtoTag, _ type: WireType, _ element: (inout ProtoReader) throws -> Void
    ) throws {
        guard tag.type == .lengthDelimited else {
            try require(type, tag)
            return try element(&self)
        }
        var inner = try ProtoReader(try slice(), depth: depth)
        while !inner.isAtEnd { try element(&inner) }
    }

    /// Entries that a repeated scalar's value holds: those of a packed one are counted, so that no more is reserved
    /// than is there.
    private func entryCount(_ tag: ProtoTag, size: Int?) -> Int {
        var ahead = self
        guard tag.type == .lengthDelimited, let slice = try? ahead.slice() else { return 1 }
        if let size { return slice.count / size }
        return slice.withBytes { $0.count { $0 < 0x80 } }
    }

    mutating func append(_ tag: ProtoTag, to values: inout [Int64]) throws {
        if values.isEmpty { values.reserveCapacity(entryCount(tag, size: nil)) }
        try each(tag, .varint) { values.append(Int64(bitPattern: try $0.varint())) }
    }

    mutating func append(_ tag: ProtoTag, to values: inout [Float]) throws {
        if values.isEmpty { values.reserveCapacity(entryCount(tag, size: 4)) }
        try each(tag, .fixed32) { values.append(Float(bitPattern: try $0.fixed32())) }
    }
}

/// A protobuf message that can be read and written.
protocol WireMessage: Sendable {
    init()
    /// Takes one field, or skips it.
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws
    /// Called when all fields are read, with the message's bytes, to check and settle them.
    mutating func finish(_ slice: WireSlice) throws
    /// Writes all fields that differ from their default, in order of their numbers.
    func write(to writer: inout ProtoWriter)
}

extension WireMessage {
    mutating func finish(_ slice: WireSlice) throws {}

    init(slice: WireSlice, depth: Int = 0) throws {
        self.init()
        var reader = try ProtoReader(slice, depth: depth)
        while let tag = try reader.nextTag() { try read(tag, from: &reader) }
        try finish(slice)
        // The reader holds a bare pointer into the source.
        withExtendedLifetime(slice.source) {}
    }
}
