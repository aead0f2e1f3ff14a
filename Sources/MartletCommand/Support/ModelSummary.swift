import Martlet
import MartletCore
import MartletONNX

/// What an ONNX file holds, without importing it.
struct ModelSummary {
    private let model: ONNXModel
    /// How often each operator occurs, nested graphs and functions included.
    private(set) var operators: [String: Int] = [:]
    /// Elements of all initializers.
    private(set) var parameters = 0
    /// Bytes of all initializers.
    private(set) var parameterBytes = 0

    init(_ model: ONNXModel) {
        self.model = model
        var pending = [model.graph]
        var nodes = model.proto.functions.flatMap(\.nodes)
        while let graph = pending.popLast() {
            nodes += graph.nodes
            for tensor in graph.initializers { count(tensor) }
            pending += graph.nodes.flatMap(Self.graphs)
        }
        for node in nodes {
            operators[node.domain.isEmpty ? node.opType : "\(node.domain).\(node.opType)", default: 0] += 1
        }
    }

    private static func graphs(of node: NodeProto) -> [GraphProto] {
        node.attributes.flatMap { attribute -> [GraphProto] in
            switch attribute.value {
            case .graph(let graph): [graph]
            case .graphs(let graphs): graphs
            default: []
            }
        }
    }

    private mutating func count(_ tensor: TensorProto) {
        guard let shape = try? tensor.shape, let type = try? tensor.elementType,
            let size = try? HostTensor.size(of: type, shape)
        else { return }
        parameters &+= size.count
        parameterBytes &+= size.byteCount
    }

    private var opsets: [(domain: String, version: Int)] {
        model.proto.opsetImports.map { ($0.domain.isEmpty ? "ai.onnx" : $0.domain, Int($0.version)) }
    }

    private var producer: String {
        [model.proto.producerName, model.proto.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
    }

    private var sortedOperators: [(name: String, count: Int)] {
        operators.map { ($0.key, $0.value) }.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }

    /// In words, one fact a line.
    var text: String {
        let maker = producer.isEmpty ? "" : ", made by \(producer)"
        var lines = ["ONNX model, IR version \(model.proto.irVersion)\(maker)"]
        lines.append("operator sets: " + opsets.map { "\($0.domain) \($0.version)" }.joined(separator: ", "))
        lines += model.graph.dataInputs.map { "input \($0.name): \(Self.text(of: $0.type))" }
        lines += model.graph.outputs.map { "output \($0.name): \(Self.text(of: $0.type))" }
        lines.append("parameters: \(parameters) (\(Text.bytes(parameterBytes)))")
        lines.append("operators: " + sortedOperators.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
        lines += model.proto.metadata.map { "\($0.key): \($0.value)" }
        return lines.joined(separator: "\n")
    }

    /// As JSON.
    var json: JSONValue {
        func ports(_ infos: [ValueInfoProto]) -> JSONValue {
            .array(infos.map { ["name": .string($0.name), "type": .string(Self.text(of: $0.type))] })
        }
        var counts = JSONObject()
        for (name, count) in sortedOperators { counts[name] = .integer(count) }
        var versions = JSONObject()
        for (domain, version) in opsets { versions[domain] = .integer(version) }
        return [
            "irVersion": .integer(Int(model.proto.irVersion)), "producer": .string(producer),
            "opsets": .object(versions), "inputs": ports(model.graph.dataInputs), "outputs": ports(model.graph.outputs),
            "parameters": .integer(parameters), "parameterBytes": .integer(parameterBytes),
            "operators": .object(counts),
        ]
    }

    /// A declared type, as `f32[batch, 3]`.
    private static func text(of type: TypeProto?) -> String {
        switch type?.value {
        case nil: return "unknown"
        case .tensor(let code, let shape):
            let element = ElementType(onnxCode: code)?.name ?? "type \(code)"
            guard let shape else { return "\(element) of unknown rank" }
            return "\(element)[\(shape.dimensions.map(text).joined(separator: ", "))]"
        case .sequence(let element): return "sequence of \(text(of: element))"
        case .optional(let element): return "optional \(text(of: element))"
        case .map(_, let value): return "map to \(text(of: value))"
        case .sparseTensor: return "sparse tensor"
        case .opaque(let domain, let name): return "opaque \(domain).\(name)"
        }
    }

    private static func text(_ dimension: TensorShapeProto.Dimension) -> String {
        switch dimension.value {
        case .extent(let size) where size >= 0: String(size)
        case .parameter(let name) where !name.isEmpty: name
        default: "?"
        }
    }
}
