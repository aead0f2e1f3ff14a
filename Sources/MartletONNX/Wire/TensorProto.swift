public import MartletCore

/// A tensor with its values, which stay where they are in the file until `hostTensor` decodes them.
public struct TensorProto: Sendable {
    /// Where the values are.
    public enum Payload: Sendable {
        /// Nowhere: right for a tensor of no elements only.
        case none
        /// `raw_data`: the elements as they lie in memory.
        case raw(WireSlice)
        /// One of the typed fields: its number, and the whole encoded tensor that holds it.
        case field(Int, in: WireSlice)
        /// Strings.
        case strings([String])
        /// Another file, named by `externalData`.
        case external
    }

    /// Name in the graph.
    public var name = ""
    /// Extents, as the file states them.
    public var dimensions: [Int64] = []
    /// Element type, a number of `TensorProto.DataType`.
    public var dataType = 0
    /// Where the values are.
    public var payload = Payload.none
    /// Text for people.
    public var docString = ""
    /// Keys `location`, `offset`, `length`, `checksum` of values in another file.
    public var externalData: [StringStringEntryProto] = []
    /// Named notes.
    public var metadata: [StringStringEntryProto] = []

    /// Bit N: typed field N has been met.
    private var typedFields: UInt16 = 0

    /// A tensor without values.
    public init() {}

    /// The element type.
    ///
    /// - Throws: `Diagnostic` (`onnx.element-type`) if the file states none or an unknown one.
    public var elementType: ElementType {
        get throws {
            if let type = ElementType(onnxCode: dataType) { return type }
            throw failure("onnx.element-type", "element type \(dataType) is unknown")
        }
    }

    /// The extents.
    ///
    /// - Throws: `Diagnostic` (`core.shape`) if one is negative or the size too large.
    public var shape: [Int] {
        get throws {
            let shape = dimensions.map(Int.init)
            _ = try HostTensor.size(of: .bool, shape)
            return shape
        }
    }

    /// An error about this tensor, at its values if they are in a file.
    func failure(_ code: String, _ message: String, help: String? = nil) -> Diagnostic {
        let text = name.isEmpty ? "tensor: \(message)" : "tensor \"\(name)\": \(message)"
        switch payload {
        case .raw(let slice), .field(_, let slice):
            return slice.source.failure(code, text, at: slice.offset, help: help)
        case .none, .strings, .external:
            return Diagnostic(code, text, help: help)
        }
    }
}

extension TensorProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: try reader.append(tag, to: &dimensions)
        case 2: dataType = Int(try reader.int32(tag))
        case 3: throw reader.failure("wire.segment", "tensors in segments are not supported", at: tag.offset)
        case 4...7, 10, 11: try readTyped(tag, from: &reader)
        case 8: name = try reader.text(tag)
        case 9: payload = .raw(try reader.bytes(tag))
        case 12: docString = try reader.lenientText(tag)
        case 13: externalData.append(try reader.message(tag))
        case 14: if try reader.int32(tag) == 1 { payload = .external }
        case 16: metadata.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    /// Notes that a typed field holds something, and steps over it.
    private mutating func readTyped(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        let start = reader.position
        try reader.skip(tag)
        let isEmpty = tag.type == .lengthDelimited && tag.field != 6 && reader.position == start + 1
        if !isEmpty { typedFields |= 1 << UInt16(tag.field) }
    }

    mutating func finish(_ slice: WireSlice) throws {
        if typedFields == 0 { return }
        var isFirst = typedFields.nonzeroBitCount == 1
        switch payload {
        case .none: break
        case .raw(let raw): isFirst = isFirst && raw.count == 0
        case .external, .field, .strings: isFirst = false
        }
        payload = .field(typedFields.trailingZeroBitCount, in: slice)
        guard isFirst else { throw failure("wire.tensor", "values are stored twice") }
    }

    func write(to writer: inout ProtoWriter) {
        writer.ints(1, dimensions)
        writer.int(2, Int64(dataType))
        writePayload(to: &writer)
        writer.text(8, name)
        writer.text(12, docString)
        writer.messages(13, externalData)
        if case .external = payload { writer.presentInt(14, 1) }
        writer.messages(16, metadata)
    }

    private func writePayload(to writer: inout ProtoWriter) {
        switch payload {
        case .none, .external: break
        case .raw(let slice): writer.presentBytes(9, slice)
        case .strings(let strings): writer.texts(6, strings)
        case .field(let field, let message):
            // The message was read once, so reading it again finds no fault.
            try? TensorProto.forEachOccurrence(of: field, in: message) { _, range in
                writer.raw(WireSlice(unchecked: message.source, range))
            }
        }
    }

    /// Calls `body` with the tag of each occurrence of a field, and the range of bytes of tag and value.
    static func forEachOccurrence(
        of field: Int, in message: WireSlice, _ body: (ProtoTag, Range<Int>) throws -> Void
    ) throws {
        var reader = try ProtoReader(message)
        while let tag = try reader.nextTag() {
            try reader.skip(tag)
            if tag.field == field { try body(tag, tag.offset..<reader.position) }
        }
    }
}

/// A sparse tensor: the values that are not zero, and where they are.
public struct SparseTensorProto: Sendable {
    /// The values, one axis.
    public var values: TensorProto?
    /// Their places, `int64`: linear (one axis) or one row of coordinates per value.
    public var indices: TensorProto?
    /// Extents of the dense tensor.
    public var dimensions: [Int64] = []

    /// An empty sparse tensor.
    public init() {}
}

extension SparseTensorProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: try reader.message(tag, into: &values)
        case 2: try reader.message(tag, into: &indices)
        case 3: try reader.append(tag, to: &dimensions)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, values)
        writer.message(2, indices)
        writer.ints(3, dimensions)
    }
}
