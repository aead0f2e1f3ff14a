/// A whole model: a graph with the operator sets, functions and notes that belong to it.
///
/// The structures of this folder follow the messages of onnx.proto (IR version 14) and have their names;
/// repeated fields are in the plural. Fields that describe distribution over devices are not kept.
public struct ModelProto: Sendable {
    /// Version of the file format.
    public var irVersion: Int64 = 0
    /// Name of the tool that wrote the model.
    public var producerName = ""
    /// Version of that tool.
    public var producerVersion = ""
    /// Reverse domain name of the model's origin.
    public var domain = ""
    /// Version of the model itself.
    public var modelVersion: Int64 = 0
    /// Text for people.
    public var docString = ""
    /// The computation.
    public var graph: GraphProto?
    /// Operator sets that nodes of the graph use.
    public var opsetImports: [OperatorSetIdProto] = []
    /// Named notes.
    public var metadata: [StringStringEntryProto] = []
    /// Training steps.
    public var trainingInfo: [TrainingInfoProto] = []
    /// Functions local to the model.
    public var functions: [FunctionProto] = []

    /// An empty model.
    public init() {}
}

extension ModelProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: irVersion = try reader.int64(tag)
        case 2: producerName = try reader.lenientText(tag)
        case 3: producerVersion = try reader.lenientText(tag)
        case 4: domain = try reader.lenientText(tag)
        case 5: modelVersion = try reader.int64(tag)
        case 6: docString = try reader.lenientText(tag)
        case 7: try reader.message(tag, into: &graph)
        case 8: opsetImports.append(try reader.message(tag))
        case 14: metadata.append(try reader.message(tag))
        case 20: trainingInfo.append(try reader.message(tag))
        case 25: functions.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.int(1, irVersion)
        writer.text(2, producerName)
        writer.text(3, producerVersion)
        writer.text(4, domain)
        writer.int(5, modelVersion)
        writer.text(6, docString)
        writer.message(7, graph)
        writer.messages(8, opsetImports)
        writer.messages(14, metadata)
        writer.messages(20, trainingInfo)
        writer.messages(25, functions)
    }
}

/// An operator set that a model or function uses.
public struct OperatorSetIdProto: Sendable, Hashable {
    /// Domain; empty is ai.onnx.
    public var domain = ""
    /// Version of the set.
    public var version: Int64 = 0

    /// An operator set.
    public init(domain: String = "", version: Int64 = 0) {
        self.domain = domain
        self.version = version
    }
}

extension OperatorSetIdProto: WireMessage {
    init() { self.init(domain: "") }

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: domain = try reader.text(tag)
        case 2: version = try reader.int64(tag)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        // Present even when empty: onnx's checker asks for the field.
        writer.presentText(1, domain)
        writer.presentInt(2, version)
    }
}

/// A key with a value, both text.
public struct StringStringEntryProto: Sendable, Hashable {
    /// The key.
    public var key = ""
    /// The value.
    public var value = ""

    /// An entry.
    public init(key: String = "", value: String = "") {
        self.key = key
        self.value = value
    }
}

extension StringStringEntryProto: WireMessage {
    init() { self.init(key: "") }

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: key = try reader.text(tag)
        case 2: value = try reader.text(tag)
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.presentText(1, key)
        writer.presentText(2, value)
    }
}

/// A training step: graphs that set and update a model's initializers.
public struct TrainingInfoProto: Sendable {
    /// Computes first values of the state.
    public var initialization: GraphProto?
    /// Computes one step.
    public var algorithm: GraphProto?
    /// Initializers (key) that outputs of `initialization` (value) set.
    public var initializationBindings: [StringStringEntryProto] = []
    /// Initializers (key) that outputs of `algorithm` (value) replace.
    public var updateBindings: [StringStringEntryProto] = []

    /// An empty step.
    public init() {}
}

extension TrainingInfoProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: try reader.message(tag, into: &initialization)
        case 2: try reader.message(tag, into: &algorithm)
        case 3: initializationBindings.append(try reader.message(tag))
        case 4: updateBindings.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, initialization)
        writer.message(2, algorithm)
        writer.messages(3, initializationBindings)
        writer.messages(4, updateBindings)
    }
}

/// A function: nodes behind a name, called like an operator.
public struct FunctionProto: Sendable {
    /// Name by which nodes call it.
    public var name = ""
    /// Domain by which nodes call it.
    public var domain = ""
    /// Tells functions of one name apart.
    public var overload = ""
    /// Names of the formal inputs.
    public var inputs: [String] = []
    /// Names of the results.
    public var outputs: [String] = []
    /// Names of attributes without default.
    public var attributes: [String] = []
    /// Attributes with default.
    public var attributeDefaults: [AttributeProto] = []
    /// The body, in topological order.
    public var nodes: [NodeProto] = []
    /// Text for people.
    public var docString = ""
    /// Operator sets of the body.
    public var opsetImports: [OperatorSetIdProto] = []
    /// Types of values of the body.
    public var valueInfo: [ValueInfoProto] = []
    /// Named notes.
    public var metadata: [StringStringEntryProto] = []

    /// An empty function.
    public init() {}
}

extension FunctionProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: name = try reader.text(tag)
        case 4: inputs.append(try reader.text(tag))
        case 5: outputs.append(try reader.text(tag))
        case 6: attributes.append(try reader.text(tag))
        case 7: nodes.append(try reader.message(tag))
        case 8: docString = try reader.lenientText(tag)
        case 9: opsetImports.append(try reader.message(tag))
        case 10: domain = try reader.text(tag)
        case 11: attributeDefaults.append(try reader.message(tag))
        case 12: valueInfo.append(try reader.message(tag))
        case 13: overload = try reader.text(tag)
        case 14: metadata.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, name)
        writer.texts(4, inputs)
        writer.texts(5, outputs)
        writer.texts(6, attributes)
        writer.messages(7, nodes)
        writer.text(8, docString)
        writer.messages(9, opsetImports)
        writer.text(10, domain)
        writer.messages(11, attributeDefaults)
        writer.messages(12, valueInfo)
        writer.text(13, overload)
        writer.messages(14, metadata)
    }
}
