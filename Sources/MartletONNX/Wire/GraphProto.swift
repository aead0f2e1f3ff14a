/// A graph of nodes; also the body of a control-flow operator.
public struct GraphProto: Sendable {
    /// The graph's name.
    public var name = ""
    /// Nodes in topological order.
    public var nodes: [NodeProto] = []
    /// Constant tensors by name; defaults of inputs of the same name.
    public var initializers: [TensorProto] = []
    /// Constant sparse tensors; the name is that of the values.
    public var sparseInitializers: [SparseTensorProto] = []
    /// Text for people.
    public var docString = ""
    /// Inputs, among them those that an initializer gives a default.
    public var inputs: [ValueInfoProto] = []
    /// Outputs.
    public var outputs: [ValueInfoProto] = []
    /// Types of values in between.
    public var valueInfo: [ValueInfoProto] = []
    /// Notes on quantised tensors.
    public var quantizationAnnotations: [TensorAnnotation] = []
    /// Named notes.
    public var metadata: [StringStringEntryProto] = []

    /// An empty graph.
    public init() {}

    /// The inputs that no initializer stands for: the ones that callers and data sets give, by position.
    public var dataInputs: [ValueInfoProto] {
        let constants = Set(initializers.map(\.name) + sparseInitializers.compactMap { $0.values?.name })
        return inputs.filter { !constants.contains($0.name) }
    }
}

extension GraphProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: nodes.append(try reader.message(tag))
        case 2: name = try reader.text(tag)
        case 5: initializers.append(try reader.message(tag))
        case 10: docString = try reader.lenientText(tag)
        case 11: inputs.append(try reader.message(tag))
        case 12: outputs.append(try reader.message(tag))
        case 13: valueInfo.append(try reader.message(tag))
        case 14: quantizationAnnotations.append(try reader.message(tag))
        case 15: sparseInitializers.append(try reader.message(tag))
        case 16: metadata.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.messages(1, nodes)
        writer.text(2, name)
        writer.messages(5, initializers)
        writer.text(10, docString)
        writer.messages(11, inputs)
        writer.messages(12, outputs)
        writer.messages(13, valueInfo)
        writer.messages(14, quantizationAnnotations)
        writer.messages(15, sparseInitializers)
        writer.messages(16, metadata)
    }
}

/// A value's name and type.
public struct ValueInfoProto: Sendable, Hashable {
    /// Name in the graph.
    public var name = ""
    /// Type, where it is stated.
    public var type: TypeProto?
    /// Text for people.
    public var docString = ""
    /// Named notes.
    public var metadata: [StringStringEntryProto] = []

    /// A named value.
    public init(name: String = "", type: TypeProto? = nil) {
        self.name = name
        self.type = type
    }
}

extension ValueInfoProto: WireMessage {
    init() { self.init(name: "") }

    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: name = try reader.text(tag)
        case 2: try reader.message(tag, into: &type)
        case 3: docString = try reader.lenientText(tag)
        case 4: metadata.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, name)
        writer.message(2, type)
        writer.text(3, docString)
        writer.messages(4, metadata)
    }
}

/// Notes on one tensor's quantisation.
public struct TensorAnnotation: Sendable, Hashable {
    /// The tensor.
    public var tensorName = ""
    /// Role (`SCALE_TENSOR`, `ZERO_POINT_TENSOR`) and name of the tensors with its parameters.
    public var parameterTensorNames: [StringStringEntryProto] = []

    /// An empty note.
    public init() {}
}

extension TensorAnnotation: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: tensorName = try reader.text(tag)
        case 2: parameterTensorNames.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.text(1, tensorName)
        writer.messages(2, parameterTensorNames)
    }
}

/// One use of an operator or function.
public struct NodeProto: Sendable {
    /// Names of the operands; empty for an omitted one.
    public var inputs: [String] = []
    /// Names of the results; empty for one that is not wanted.
    public var outputs: [String] = []
    /// Name of the node, possibly empty.
    public var name = ""
    /// Operator.
    public var opType = ""
    /// Domain of the operator; empty is ai.onnx.
    public var domain = ""
    /// Overload of a function of the model.
    public var overload = ""
    /// Attributes by name.
    public var attributes: [AttributeProto] = []
    /// Text for people.
    public var docString = ""
    /// Named notes.
    public var metadata: [StringStringEntryProto] = []

    /// An empty node.
    public init() {}

    /// A node.
    public init(
        _ opType: String, domain: String = "", name: String = "", inputs: [String], outputs: [String],
        attributes: [AttributeProto] = []
    ) {
        self.opType = opType
        self.domain = domain
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }
}

extension NodeProto: WireMessage {
    mutating func read(_ tag: ProtoTag, from reader: inout ProtoReader) throws {
        switch tag.field {
        case 1: inputs.append(try reader.text(tag))
        case 2: outputs.append(try reader.text(tag))
        case 3: name = try reader.text(tag)
        case 4: opType = try reader.text(tag)
        case 5: attributes.append(try reader.message(tag))
        case 6: docString = try reader.lenientText(tag)
        case 7: domain = try reader.text(tag)
        case 8: overload = try reader.text(tag)
        case 9: metadata.append(try reader.message(tag))
        default: try reader.skip(tag)
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.texts(1, inputs)
        writer.texts(2, outputs)
        writer.text(3, name)
        writer.text(4, opType)
        writer.messages(5, attributes)
        writer.text(6, docString)
        writer.text(7, domain)
        writer.text(8, overload)
        writer.messages(9, metadata)
    }
}
