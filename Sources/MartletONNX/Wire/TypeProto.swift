public import MartletCore

/// The type of a value.
public struct TypeProto: Sendable, Hashable {
    /// The kinds of types. Element types are numbers of `TensorProto.DataType`.
    public indirect enum Value: Sendable, Hashable {
        case tensor(elementType: Int, shape: TensorShapeProto?)
        case sequence(TypeProto)
        case map(keyType: Int, value: TypeProto)
        case opaque(domain: String, name: String)
        case sparseTensor(elementType: Int, shape: TensorShapeProto?)
        case optional(TypeProto)
    }

    /// The type; nil where the file states none.
    public var value: Value?
    /// Standard name of the meaning, such as `IMAGE`.
    public var denotation = ""

    /// A type.
    public init(_ value: Value? = nil) {
        self.value = value
    }

    /// A tensor type.
    public init(tensor type: ElementType, shape: TensorShapeProto?) {
        value = .tensor(elementType: type.onnxCode, shape: shape)
    }
}

/// The shape of a tensor type.
public struct TensorShapeProto: Sendable, Hashable {
    /// One axis.
    public struct Dimension: Sendable, Hashable {
        /// What is known of an extent.
        public enum Value: Sendable, Hashable {
            case unknown
            /// The extent. Negative in some files, which then mean unknown.
            case extent(Int64)
            /// A name; equal names mean equal extents within a graph.
            case parameter(String)
        }

        /// The extent.
        public var value = Value.unknown
        /// Standard name of the axis, such as `DATA_BATCH`.
        public var denotation = ""

        /// An axis.
        public init(_ value: Value = .unknown) {
            self.value = value
        }
    }

    /// The axes; none for a scalar.
    public var dimensions: [Dimension] = []

    /// A shape.
    public init(_ dimensions: [Dimension] = []) {
        self.dimensions = dimensions
    }

    /// A static shape.
    public init(extents: [Int]) {
        dimensions = extents.map { Dimension(.extent(Int64($0))) }
    }
}

extension TypeProto: WireMessage {
    init() { self.init(nil) }

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1:
            let body: TensorBody = try reader.message(tag)
            value = .tensor(elementType: body.elementType, shape: body.shape)
        case 4: value = .sequence((try reader.message(tag) as ElementBody).type)
        case 5:
            let body: MapBody = try reader.message(tag)
            value = .map(keyType: body.keyType, value: body.type)
        case 6: denotation = try reader.lenientText(tag)
        case 7:
            let body: OpaqueBody = try reader.message(tag)
            value = .opaque(domain: body.domain, name: body.name)
        case 8:
            let body: TensorBody = try reader.message(tag)
            value = .sparseTensor(elementType: body.elementType, shape: body.shape)
        case 9: value = .optional((try reader.message(tag) as ElementBody).type)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        switch value {
        case nil: break
        case .tensor(let element, let shape): writer.message(1, TensorBody(elementType: element, shape: shape))
        case .sequence(let type): writer.message(4, ElementBody(type: type))
        case .map(let key, let type): writer.message(5, MapBody(keyType: key, type: type))
        case .opaque(let domain, let name): writer.message(7, OpaqueBody(domain: domain, name: name))
        case .sparseTensor(let element, let shape): writer.message(8, TensorBody(elementType: element, shape: shape))
        case .optional(let type): writer.message(9, ElementBody(type: type))
        }
        writer.text(6, denotation)
    }
}

/// `TypeProto.Tensor` and `TypeProto.SparseTensor`.
private struct TensorBody: WireMessage {
    var elementType = 0
    var shape: TensorShapeProto?

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: elementType = Int(try reader.int32(tag))
        case 2: try reader.message(tag, into: &shape)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.presentInt(1, Int64(elementType))
        writer.message(2, shape)
    }
}

/// `TypeProto.Sequence` and `TypeProto.Optional`.
private struct ElementBody: WireMessage {
    var type = TypeProto()

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        if tag.field == 1 { type = try reader.message(tag) } else { try reader.skip(tag) }
    }

    func write(to writer: inout ProtoWriter) { writer.message(1, type) }
}

/// `TypeProto.Map`.
private struct MapBody: WireMessage {
    var keyType = 0
    var type = TypeProto()

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: keyType = Int(try reader.int32(tag))
        case 2: type = try reader.message(tag)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.presentInt(1, Int64(keyType))
        writer.message(2, type)
    }
}

/// `TypeProto.Opaque`.
private struct OpaqueBody: WireMessage {
    var domain = ""
    var name = ""

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: domain = try reader.text(tag)
        case 2: name = try reader.text(tag)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, domain)
        writer.text(2, name)
    }
}

extension TensorShapeProto: WireMessage {
    init() { self.init([]) }

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        if tag.field == 1 { dimensions.append(try reader.message(tag)) } else { try reader.skip(tag) }
    }

    func write(to writer: inout ProtoWriter) { writer.messages(1, dimensions) }
}

extension TensorShapeProto.Dimension: WireMessage {
    init() { self.init(.unknown) }

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: value = .extent(try reader.int64(tag))
        case 2: value = .parameter(try reader.text(tag))
        case 3: denotation = try reader.lenientText(tag)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        switch value {
        case .unknown: break
        case .extent(let extent): writer.presentInt(1, extent)
        case .parameter(let name): writer.presentText(2, name)
        }
        writer.text(3, denotation)
    }
}
