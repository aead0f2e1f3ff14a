import Martlet
import MartletCore
import MartletONNX
import TestSupport

/// A model of one graph, written for a test; from there it goes the whole length.
struct ModelKit {
    let path: String
    private let folder: TestFolder

    init(
        _ folder: TestFolder, name: String = "model", _ nodes: [NodeProto], inputs: [ValueInfoProto],
        outputs: [String], constants: [String: HostTensor] = [:], opset: Int64 = 18
    ) throws {
        (path, self.folder) = ("\(folder.path)/\(name).onnx", folder)
        var graph = GraphProto()
        graph.name = "test"
        (graph.nodes, graph.inputs) = (nodes, inputs)
        graph.outputs = outputs.map { ValueInfoProto(name: $0) }
        graph.initializers = constants.sorted { $0.key < $1.key }.map { TensorProto($0.value, name: $0.key) }
        var model = ModelProto()
        model.irVersion = 8
        model.graph = graph
        model.opsetImports = [OperatorSetIdProto(version: opset)]
        try ONNXModel(model).write(to: path)
    }

    func compiled(threads: Int = 1) throws -> Model { try Model.load(path, options: folder.options(threads: threads)) }

    func reference() throws -> ReferenceRunner { ReferenceRunner(try Model.graph(path)) }

    /// An input; extents are numbers or names of sizes.
    static func value(_ name: String, _ type: ElementType = .float32, _ extents: [String]) -> ValueInfoProto {
        let axes = extents.map { extent in
            TensorShapeProto.Dimension(Int64(extent).map { .extent($0) } ?? .parameter(extent))
        }
        return ValueInfoProto(name: name, type: TypeProto(tensor: type, shape: TensorShapeProto(axes)))
    }

    /// A node, named as its first result.
    static func node(
        _ type: String, _ inputs: [String], _ outputs: [String], _ attributes: [AttributeProto] = []
    ) -> NodeProto {
        NodeProto(type, name: outputs[0], inputs: inputs, outputs: outputs, attributes: attributes)
    }

    /// A graph inside a node.
    static func body(_ nodes: [NodeProto], inputs: [ValueInfoProto] = [], outputs: [String]) -> AttributeProto.Value {
        var graph = GraphProto()
        graph.name = "body"
        (graph.nodes, graph.inputs) = (nodes, inputs)
        graph.outputs = outputs.map { ValueInfoProto(name: $0) }
        return .graph(graph)
    }
}

/// Tensors of values, for short.
func tensor<T: TensorElement>(_ values: [T], _ shape: [Int]? = nil) throws -> HostTensor {
    try HostTensor(values, shape: shape ?? [values.count])
}

/// Numbers that look random and are the same in every run, between -1 and 1.
func noise(_ shape: [Int], seed: Int = 1, scale: Float = 1) throws -> HostTensor {
    var random = SplitMix64(seed: UInt64(bitPattern: Int64(seed)))
    let values = (0..<shape.reduce(1, *)).map { _ in (Float(random.next() >> 40) * 0x1p-23 - 1) * scale }
    return try HostTensor(values, shape: shape)
}
