/// What a sequence or an optional holds, with the number that onnx-data.proto gives it.
enum HeldKind: Int32, Sendable {
    case undefined = 0
    case tensor = 1
    case sparseTensor = 2
    case sequence = 3
    case map = 4
    case optional = 5
}

/// A list of values of one kind, as data files hold it.
struct SequenceProto: WireMessage {
    var name = ""
    var kind: Int32 = 0
    var tensors: [TensorProto] = []
    var sparseTensors: [SparseTensorProto] = []
    var sequences: [SequenceProto] = []
    var maps: [MapProto] = []
    var optionals: [OptionalProto] = []

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: name = try reader.text(tag)
        case 2: kind = try reader.int32(tag)
        case 3: tensors.append(try reader.message(tag))
        case 4: sparseTensors.append(try reader.message(tag))
        case 5: sequences.append(try reader.message(tag))
        case 6: maps.append(try reader.message(tag))
        case 7: optionals.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, name)
        writer.presentInt(2, Int64(kind))
        writer.messages(3, tensors)
        writer.messages(4, sparseTensors)
        writer.messages(5, sequences)
        writer.messages(6, maps)
        writer.messages(7, optionals)
    }
}

/// Values by integer or string keys, as data files hold them.
struct MapProto: WireMessage {
    var name = ""
    var keyType: Int32 = 0
    var keys: [Int64] = []
    var stringKeys: [String] = []
    /// At most one; an array, so that the structure may contain itself.
    var values: [SequenceProto] = []

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: name = try reader.text(tag)
        case 2: keyType = try reader.int32(tag)
        case 3: try reader.append(tag, to: &keys)
        case 4: stringKeys.append(try reader.text(tag))
        case 5: values = [try reader.message(tag)]
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, name)
        writer.presentInt(2, Int64(keyType))
        writer.ints(3, keys)
        writer.texts(4, stringKeys)
        writer.messages(5, values)
    }
}

/// A value or its absence, as data files hold it.
struct OptionalProto: WireMessage {
    var name = ""
    var kind: Int32 = 0
    var tensor: TensorProto?
    var sparseTensor: SparseTensorProto?
    var sequence: SequenceProto?
    var map: MapProto?
    /// At most one; an array, so that the structure may contain itself.
    var optional: [OptionalProto] = []

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: name = try reader.text(tag)
        case 2: kind = try reader.int32(tag)
        case 3: try reader.message(tag, into: &tensor)
        case 4: try reader.message(tag, into: &sparseTensor)
        case 5: try reader.message(tag, into: &sequence)
        case 6: try reader.message(tag, into: &map)
        case 7: optional = [try reader.message(tag)]
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, name)
        writer.presentInt(2, Int64(kind))
        writer.message(3, tensor)
        writer.message(4, sparseTensor)
        writer.message(5, sequence)
        writer.message(6, map)
        writer.messages(7, optional)
    }
}
