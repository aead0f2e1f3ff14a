import Martlet
import MartletCore
import MartletONNX

/// Cases written for tests.
struct CaseKit {
    let path: String

    /// Writes a case: a model of one graph, and data sets.
    init(_ path: String, nodes: [NodeProto], inputs: [ValueInfoProto], outputs: [ValueInfoProto]) throws {
        self.path = path
        try Folder.make(path)
        var graph = GraphProto()
        graph.name = "test"
        (graph.nodes, graph.inputs, graph.outputs) = (nodes, inputs, outputs)
        var model = ModelProto()
        model.irVersion = 8
        model.graph = graph
        model.opsetImports = [OperatorSetIdProto(version: 17)]
        try ONNXModel(model).write(to: "\(path)/model.onnx")
    }

    /// Writes a model `y = x + x` for x of n rows of 2, and gives its path.
    static func doubling(_ path: String) throws -> String {
        let shape = TensorShapeProto([.init(.parameter("n")), .init(.extent(2))])
        let ports = ["x", "y"].map { ValueInfoProto(name: $0, type: TypeProto(tensor: .float32, shape: shape)) }
        _ = try CaseKit(path, nodes: [node("Add", ["x", "x"], "y")], inputs: [ports[0]], outputs: [ports[1]])
        return "\(path)/model.onnx"
    }

    /// Writes a data set.
    func add(set number: Int, inputs: [HostTensor], outputs: [HostTensor]) throws {
        let folder = "\(path)/test_data_set_\(number)"
        try Folder.make(folder)
        for (position, tensor) in inputs.enumerated() {
            try WireValue.tensor(tensor).write(to: "\(folder)/input_\(position).pb")
        }
        for (position, tensor) in outputs.enumerated() {
            try WireValue.tensor(tensor).write(to: "\(folder)/output_\(position).pb")
        }
    }

    /// Writes `case.json`.
    func describe(_ json: JSONValue) throws {
        try AtomicFile.write(Array(json.text().utf8), to: "\(path)/case.json")
    }

    static func tensor(_ name: String, _ extents: [Int]) -> ValueInfoProto {
        ValueInfoProto(name: name, type: TypeProto(tensor: .float32, shape: TensorShapeProto(extents: extents)))
    }

    static func node(_ operation: String, _ inputs: [String], _ output: String) -> NodeProto {
        var node = NodeProto()
        (node.opType, node.inputs, node.outputs, node.name) = (operation, inputs, [output], output)
        return node
    }

    static func floats(_ values: [Float]) throws -> HostTensor { try HostTensor(values, shape: [values.count]) }
}
