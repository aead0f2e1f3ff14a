/// A named attribute of a node, or its default in a function.
public struct AttributeProto: Sendable {
    /// What an attribute holds. Byte strings are UTF-8 by convention only.
    public enum Value: Sendable {
        case none
        case float(Float)
        case int(Int64)
        case string([UInt8])
        indirect case tensor(TensorProto)
        indirect case graph(GraphProto)
        indirect case sparseTensor(SparseTensorProto)
        indirect case type(TypeProto)
        case floats([Float])
        case ints([Int64])
        case strings([[UInt8]])
        case tensors([TensorProto])
        case graphs([GraphProto])
        case sparseTensors([SparseTensorProto])
        case types([TypeProto])
    }

    /// The kind of value, with the number that onnx.proto gives it.
    public enum Kind: Int32, Sendable {
        case undefined = 0
        case float = 1, int, string, tensor, graph
        case floats = 6, ints, strings, tensors, graphs
        case sparseTensor = 11, sparseTensors
        case type = 13, types
    }

    /// The attribute's name.
    public var name = ""
    /// In a function's body: the attribute of the caller whose value this one takes.
    public var refAttrName = ""
    /// Text for people.
    public var docString = ""
    /// The kind that the file declares; `undefined` in files older than IR version 2.
    public var kind = Kind.undefined
    /// The value, `none` for a reference.
    public var value = Value.none

    /// An attribute without value.
    public init() {}

    /// An attribute.
    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
        kind = value.kind
    }

    /// An attribute whose value is text.
    public init(_ name: String, string: String) {
        self.init(name, .string(Array(string.utf8)))
    }
}

extension AttributeProto.Value {
    /// The kind that goes with the value.
    public var kind: AttributeProto.Kind {
        switch self {
        case .none: .undefined
        case .float: .float
        case .int: .int
        case .string: .string
        case .tensor: .tensor
        case .graph: .graph
        case .sparseTensor: .sparseTensor
        case .type: .type
        case .floats: .floats
        case .ints: .ints
        case .strings: .strings
        case .tensors: .tensors
        case .graphs: .graphs
        case .sparseTensors: .sparseTensors
        case .types: .types
        }
    }

    /// What a file means that declares a kind and states no value; nil where a value must be stated.
    fileprivate init?(emptyOf kind: AttributeProto.Kind) {
        switch kind {
        case .undefined, .tensor, .graph, .sparseTensor, .type: return nil
        case .float: self = .float(0)
        case .int: self = .int(0)
        case .string: self = .string([])
        case .floats: self = .floats([])
        case .ints: self = .ints([])
        case .strings: self = .strings([])
        case .tensors: self = .tensors([])
        case .graphs: self = .graphs([])
        case .sparseTensors: self = .sparseTensors([])
        case .types: self = .types([])
        }
    }
}

extension AttributeProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: name = try reader.text(tag)
        case 13: docString = try reader.lenientText(tag)
        case 20: try readKind(tag, from: &reader)
        case 21: refAttrName = try reader.text(tag)
        case 2...6, 14, 22: try readSingle(tag, from: &reader)
        case 7...11, 15, 23: try readRepeated(tag, from: &reader)
        default: try reader.skip(tag)
        }
    }

    private mutating func readKind(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        let number = try reader.int32(tag)
        guard let kind = Kind(rawValue: number) else {
            throw reader.failure("wire.attribute", "attribute type \(number) is unknown", at: tag.offset)
        }
        self.kind = kind
    }

    private mutating func readSingle(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        guard case .none = value else { throw twoValues(reader, tag) }
        switch tag.field {
        case 2: value = .float(try reader.float(tag))
        case 3: value = .int(try reader.int64(tag))
        case 4: value = .string(try reader.bytes(tag).array)
        case 5: value = .tensor(try reader.message(tag))
        case 6: value = .graph(try reader.message(tag))
        case 14: value = .type(try reader.message(tag))
        default: value = .sparseTensor(try reader.message(tag))
        }
    }

    /// Reads an entry and the entries of the same field behind it.
    private mutating func readRepeated(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        let before = value
        value = .none
        switch (tag.field, before) {
        case (7, .none): value = .floats(try reader.run(tag, []) { try $0.append($1, to: &$2) })
        case (7, .floats(let list)): value = .floats(try reader.run(tag, list) { try $0.append($1, to: &$2) })
        case (8, .none): value = .ints(try reader.run(tag, []) { try $0.append($1, to: &$2) })
        case (8, .ints(let list)): value = .ints(try reader.run(tag, list) { try $0.append($1, to: &$2) })
        case (9, .none): value = .strings(try reader.run(tag, []) { $2.append(try $0.bytes($1).array) })
        case (9, .strings(let list)): value = .strings(try reader.run(tag, list) { $2.append(try $0.bytes($1).array) })
        case (10, .none): value = .tensors(try reader.messages(tag))
        case (10, .tensors(let list)): value = .tensors(try reader.messages(tag, list))
        case (11, .none): value = .graphs(try reader.messages(tag))
        case (11, .graphs(let list)): value = .graphs(try reader.messages(tag, list))
        case (15, .none): value = .types(try reader.messages(tag))
        case (15, .types(let list)): value = .types(try reader.messages(tag, list))
        case (23, .none): value = .sparseTensors(try reader.messages(tag))
        case (23, .sparseTensors(let list)): value = .sparseTensors(try reader.messages(tag, list))
        default: throw twoValues(reader, tag)
        }
    }

    private func twoValues(_ reader: ProtoReader, _ tag: ProtoTag) -> any Error {
        reader.failure("wire.attribute", "attribute \"\(name)\" has more than one value", at: tag.offset)
    }

    /// Settles kind and value, which a file states apart.
    mutating func finish(_ slice: WireSlice) throws {
        let stated = value.kind
        if stated == kind || (stated == .undefined && !refAttrName.isEmpty) { return }
        if kind == .undefined {
            kind = stated
        } else if stated == .undefined, let empty = Value(emptyOf: kind) {
            value = empty
        } else {
            let message = "attribute \"\(name)\" is declared \(kind) and holds \(stated)"
            throw slice.source.failure("wire.attribute", message, at: slice.offset)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, name)
        writeValue(to: &writer)
        writer.text(13, docString)
        writer.int(20, Int64(kind.rawValue))
        writer.text(21, refAttrName)
    }

    /// Writes the value; its fields stand in front of the others whatever their numbers, which readers accept.
    private func writeValue(to writer: inout ProtoWriter) {
        switch value {
        case .none: break
        case .float(let value): writer.presentFloat(2, value)
        case .int(let value): writer.presentInt(3, value)
        case .string(let value): writer.presentBytes(4, value)
        case .tensor(let value): writer.message(5, value)
        case .graph(let value): writer.message(6, value)
        case .floats(let values): writer.floats(7, values)
        case .ints(let values): writer.ints(8, values)
        case .strings(let values): values.forEach { writer.presentBytes(9, $0) }
        case .tensors(let values): writer.messages(10, values)
        case .graphs(let values): writer.messages(11, values)
        case .type(let value): writer.message(14, value)
        case .types(let values): writer.messages(15, values)
        case .sparseTensor(let value): writer.message(22, value)
        case .sparseTensors(let values): writer.messages(23, values)
        }
    }
}
