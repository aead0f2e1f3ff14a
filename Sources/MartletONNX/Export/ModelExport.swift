import MartletCore
import MartletIR

/// What all graphs of a model that is being written share: names, constants, expressions of sizes.
final class ModelExport {
    let opset: Int
    let options: ExportOptions
    /// Names and ranges of size symbols.
    let symbols: SymbolTable
    /// All expressions of sizes met so far.
    var program = SizeProgram()

    private var initializers: [TensorProto] = []
    private var constants: [ConstantTensor: String] = [:]
    private var takenNames: [String: Int] = [:]
    private var takenNodeNames: [String: Int] = [:]
    /// Names of all source nodes.
    private let originNames: Set<String>
    /// Final names of values that are outputs of the model.
    private var renamed: [String: String] = [:]

    init(_ options: ExportOptions, _ graph: Graph) {
        self.options = options
        opset = options.opset
        symbols = graph.symbols
        for port in graph.inputs + graph.outputs { takenNames[port.name] = 0 }
        originNames = graph.originNames
    }

    // MARK: Names

    /// A name that no value of the model has.
    func uniqueName(_ hint: String) -> String {
        Self.unique(hint.isEmpty ? "value" : hint, &takenNames) { _ in true }
    }

    /// A name that no node of the model has: that of its source node for the first one that comes from it. Empty where
    /// there is no source node.
    func nodeName(_ origin: [String]) -> String {
        guard let source = origin.last, !source.isEmpty else { return "" }
        return Self.unique(source, &takenNodeNames) { !originNames.contains($0) }
    }

    private static func unique(_ base: String, _ taken: inout [String: Int], isFree: (String) -> Bool) -> String {
        guard var number = taken[base] else {
            taken[base] = 0
            return base
        }
        var name: String
        repeat {
            number += 1
            name = "\(base)_\(number)"
        } while taken[name] != nil || !isFree(name)
        taken[base] = number
        taken[name] = 0
        return name
    }

    /// Name of a constant, for use in any graph of the model.
    func constant(_ tensor: HostTensor, near node: String) -> String {
        let key = ConstantTensor(tensor)
        if let known = constants[key] { return known }
        let name = uniqueName(node.isEmpty ? "constant" : "\(node).constant")
        constants[key] = name
        initializers.append(TensorProto(tensor, name: name))
        return name
    }

    /// States the final name of a value. Whether that is possible: a value has one name.
    func rename(_ value: String, to name: String) -> Bool {
        guard renamed[value] == nil else { return false }
        renamed[value] = name
        return true
    }

    // MARK: The model's graph

    /// The outermost graph with its constants.
    func graphProto(of graph: Graph) throws -> GraphProto {
        let scope = GraphExport(self, graph, parent: nil)
        for port in graph.inputs { scope.define(port.value, as: port.name) }
        try scope.exportNodes()
        var proto = GraphProto()
        proto.name = options.name
        proto.inputs = graph.inputs.map { valueInfo($0.name, graph.type(of: $0.value)) }
        proto.outputs = graph.outputs.map { valueInfo($0.name, graph.type(of: $0.value)) }
        try scope.nameOutputs()
        var live = Set(graph.outputs.map(\.name))
        proto.nodes = renaming(scope.nodes).pruned(&live)
        proto.initializers = initializers.filter { live.contains($0.name) }
        proto.metadata = SizeNotes(of: graph).entries
        return proto
    }

    /// A name with the type of its value; sizes that are symbols keep their names, other expressions their text.
    func valueInfo(_ name: String, _ type: TensorType) -> ValueInfoProto {
        let dimensions = type.shape.map { extent -> TensorShapeProto.Dimension in
            if let constant = extent.constant { return .init(.extent(Int64(constant))) }
            return .init(.parameter(extent.text(symbols.name(of:))))
        }
        return ValueInfoProto(name: name, type: TypeProto(tensor: type.element, shape: TensorShapeProto(dimensions)))
    }

    private func renaming(_ nodes: [NodeProto]) -> [NodeProto] {
        if renamed.isEmpty { return nodes }
        return nodes.map { node in
            var node = node
            node.inputs = node.inputs.map { renamed[$0] ?? $0 }
            node.outputs = node.outputs.map { renamed[$0] ?? $0 }
            for index in node.attributes.indices {
                guard case .graph(var graph) = node.attributes[index].value else { continue }
                graph.nodes = renaming(graph.nodes)
                node.attributes[index].value = .graph(graph)
            }
            return node
        }
    }
}

extension [NodeProto] {
    /// The nodes without those whose results nobody needs. `live` are the needed names; those that the nodes need are
    /// added.
    func pruned(_ live: inout Set<String>) -> [NodeProto] {
        var kept: [NodeProto] = []
        for var node in reversed() where node.outputs.contains(where: live.contains) {
            live.formUnion(node.inputs)
            for index in node.attributes.indices {
                guard case .graph(var graph) = node.attributes[index].value else { continue }
                live.formUnion(graph.outputs.map(\.name))
                graph.nodes = graph.nodes.pruned(&live)
                node.attributes[index].value = .graph(graph)
            }
            kept.append(node)
        }
        return kept.reversed()
    }
}
