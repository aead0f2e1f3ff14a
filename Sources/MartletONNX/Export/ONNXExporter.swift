import MartletCore
public import MartletIR

/// What a model says of itself beside its graph.
public struct ExportOptions: Sendable {
    /// Version of ai.onnx whose operators are used.
    public var opset: Int
    /// Name of the graph.
    public var name: String
    /// Version of the file format; the one that came with the operator set unless stated.
    public var irVersion: Int?
    /// Other operator sets that the model declares, such as `ai.onnx.ml`.
    public var domains: [String: Int]
    /// Tool that wrote the model, and its version.
    public var producer: (name: String, version: String)
    /// Text for people.
    public var docString: String
    /// Named notes.
    public var metadata: [(key: String, value: String)]

    /// Options of a model without notes.
    public init(opset: Int, name: String = "graph") {
        self.opset = opset
        self.name = name
        domains = [:]
        producer = ("Martlet", "")
        docString = ""
        metadata = []
    }
}

/// Writes graphs as ONNX models.
public enum ONNXExporter {
    /// Versions of ai.onnx that can be written.
    public static let opsets = 13...28

    /// A model that computes what the graph computes, in the operator set that `options` name.
    ///
    /// Each node of the graph becomes one or a few nodes. They have the name of the source node, with a number where it
    /// is taken, and then the name as a note: metadata `martlet.origin`. Inputs, outputs and size symbols keep their
    /// names; ranges of symbols and sizes that must agree are a note of the graph, `martlet.sizes`.
    ///
    /// What ONNX leaves undefined stays so: shifts by the width or more, the order of equal elements of TopK. Ranges of
    /// sizes that are read from data are not checked. Indices below 0, which end a run in mode `check`, count from the
    /// end in ONNX.
    ///
    /// - Throws: `export.opset`, and `export.unsupported` where the operator set has no form for an operation.
    public static func export(_ graph: Graph, options: ExportOptions) throws -> ModelProto {
        guard opsets.contains(options.opset) else {
            throw Diagnostic(
                "export.opset", "operator set \(options.opset) cannot be written",
                help: "choose one from \(opsets.lowerBound) to \(opsets.upperBound)")
        }
        let expanded = try expandingKeptCalls(of: graph, opset: options.opset)
        let model = ModelExport(options, expanded)
        let proto = try model.graphProto(of: expanded)
        return modelProto(proto, model, options)
    }

    /// A model in operator set `opset`; see `export(_:options:)`.
    public static func export(_ graph: Graph, opset: Int, name: String = "graph") throws -> ModelProto {
        try export(graph, options: ExportOptions(opset: opset, name: name))
    }

    private static func modelProto(_ graph: GraphProto, _ model: ModelExport, _ options: ExportOptions) -> ModelProto {
        var proto = ModelProto()
        proto.irVersion = Int64(options.irVersion ?? irVersion(of: options.opset))
        proto.producerName = options.producer.name
        proto.producerVersion = options.producer.version
        proto.docString = options.docString
        proto.graph = graph
        proto.opsetImports = [OperatorSetIdProto(version: Int64(options.opset))]
        for (domain, version) in options.domains.sorted(by: { $0.key < $1.key }) where !domain.isEmpty {
            proto.opsetImports.append(OperatorSetIdProto(domain: domain, version: Int64(version)))
        }
        proto.metadata = options.metadata.map { StringStringEntryProto(key: $0.key, value: $0.value) }
        return proto
    }

    /// The version of the file format that came with an operator set (onnx, docs/Versioning.md).
    private static func irVersion(of opset: Int) -> Int {
        switch opset {
        case ...14: 7
        case ...18: 8
        case ...20: 9
        case ...22: 10
        case 23: 11
        case 24: 12
        case ...27: 13
        default: 14
        }
    }

    /// The graph with those kept calls expanded that the operator set has no operator for, and those in their bodies.
    private static func expandingKeptCalls(of graph: Graph, opset: Int) throws -> Graph {
        var result = graph
        while result.containsKeptCall(notIn: opset) {
            result = try result.rebuiltDeeply { graph, node, operands, builder in
                guard let kept = graph.operation(of: node).keptCall(notIn: opset) else { return nil }
                return try kept.expand(operands, in: builder)
            }
        }
        return result
    }
}

extension Graph {
    fileprivate func containsKeptCall(notIn opset: Int) -> Bool {
        operations.contains { operation in
            operation.keptCall(notIn: opset) != nil || operation.regions.contains { $0.containsKeptCall(notIn: opset) }
        }
    }
}

extension MartletIR.Operation {
    /// The operation, if it is a kept call that the operator set has no operator for.
    fileprivate func keptCall(notIn opset: Int) -> (any KeptFunction)? {
        guard let kept = self as? any KeptFunction else { return nil }
        if let exportable = self as? any ONNXExportable, exportable.isExportable(opset: opset) { return nil }
        return kept
    }
}
