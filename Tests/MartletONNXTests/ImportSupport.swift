import MartletCore
import MartletIR
@testable import MartletONNX
import Testing

/// Makes small models.
struct TestModel {
    var graph = GraphProto()
    var opset: Int64 = 17
    var functions: [FunctionProto] = []

    init(opset: Int64 = 17) { self.opset = opset }

    /// Adds an input whose extents are numbers, or names of sizes.
    mutating func input(_ name: String, _ type: ElementType, _ shape: [Any]) {
        let dimensions = shape.map { extent -> TensorShapeProto.Dimension in
            if let size = extent as? Int { return .init(.extent(Int64(size))) }
            return .init((extent as? String).map { .parameter($0) } ?? .unknown)
        }
        graph.inputs.append(ValueInfoProto(name: name, type: TypeProto(tensor: type, shape: .init(dimensions))))
    }

    mutating func constant(_ name: String, _ values: [Int64], shape: [Int]? = nil) throws {
        graph.initializers.append(
            TensorProto(try HostTensor(values, shape: shape ?? [values.count]), name: name))
    }

    mutating func node(
        _ type: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        _ attributes: [AttributeProto] = []
    ) {
        graph.nodes.append(
            NodeProto(type, domain: domain, name: name, inputs: inputs, outputs: outputs, attributes: attributes))
    }

    mutating func outputs(_ names: String...) { graph.outputs = names.map { ValueInfoProto(name: $0) } }

    var model: ONNXModel {
        var proto = ModelProto()
        proto.graph = graph
        proto.opsetImports = [.init(domain: "", version: opset), .init(domain: "local", version: 1)]
        proto.functions = functions
        return ONNXModel(proto)
    }

    func imported(_ options: ImportOptions = ImportOptions()) throws -> ImportedModel {
        try ONNXImporter.import(model, options: options)
    }

    /// Results of the imported model for float32 inputs.
    func run(_ inputs: (values: [Float], shape: [Int])...) throws -> [HostTensor] {
        try Interpreter(try imported().graph).run(try inputs.map { try HostTensor($0.values, shape: $0.shape) })
    }
}

/// A graph that is an attribute.
func subgraph(
    inputs: [String] = [], outputs: [String], _ nodes: [NodeProto]
) -> AttributeProto.Value {
    var graph = GraphProto()
    graph.nodes = nodes
    graph.inputs = inputs.map { ValueInfoProto(name: $0) }
    graph.outputs = outputs.map { ValueInfoProto(name: $0) }
    return .graph(graph)
}

extension ImportedModel {
    /// Types of the outputs as text.
    var outputTypes: [String] { graph.outputTypes.map { $0.text(graph.symbols.name) } }
}
