import MartletCore
import MartletIR

/// One graph that is being written: the model's own, or the body of a branch or loop.
final class GraphExport {
    let model: ModelExport
    let graph: Graph
    /// The graph around this one, whose values can be used here.
    let parent: GraphExport?
    private(set) var nodes: [NodeProto] = []
    /// What is known of sizes here.
    var sizeTable = SizeTable()
    /// Names of the source nodes for nodes that compute sizes; such nodes have none unless a value is asked for.
    var sizeOrigin: [String] = []

    private var values: [ValueID: ExportedValue] = [:]
    /// Names of results of nodes of this very graph.
    private var produced: Set<String> = []
    private lazy var useCounts = graph.useCounts()

    /// What stands for a value.
    private enum ExportedValue {
        case name(String)
        /// A value of the graph around.
        case outer(ValueID)
        /// A broadcast that is written only where a consumer needs it.
        case broadcast(NodeID)
    }

    init(_ model: ModelExport, _ graph: Graph, parent: GraphExport?) {
        (self.model, self.graph, self.parent) = (model, graph, parent)
    }

    // MARK: Values

    /// States the name of an input; sizes are read from its shape.
    func define(_ input: ValueID, as name: String) {
        values[input] = .name(name)
        noteSizes(of: name, graph.type(of: input))
    }

    /// States which value of the graph around an input is.
    func define(_ input: ValueID, asOuter value: ValueID) { values[input] = .outer(value) }

    /// Name of a value. Writes what was put off.
    func name(of value: ValueID) throws -> String {
        switch values[value] {
        case .name(let name): return name
        case .outer(let outer):
            guard let parent else { break }
            return try parent.name(of: outer)
        case .broadcast(let node):
            let name = try expand(node)
            values[value] = .name(name)
            return name
        case nil: break
        }
        throw Diagnostic("export.order", "a value is used before it is made")
    }

    /// The broadcast that a value is, if it has not been written.
    func pendingBroadcast(_ value: ValueID) -> (operation: MartletIR.Broadcast, operand: ValueID)? {
        guard case .broadcast(let node) = values[value],
            let operation = graph.operation(of: node) as? MartletIR.Broadcast,
            let operand = graph.operands(of: node).first
        else { return nil }
        return (operation, operand)
    }

    /// The operation and operands that make a value of this graph.
    func definition(of value: ValueID) -> (operation: any MartletIR.Operation, operands: [ValueID], node: NodeID)? {
        guard case .node(let node, _) = graph.producer(of: value) else { return nil }
        return (graph.operation(of: node), Array(graph.operands(of: node)), node)
    }

    /// Whether one node uses the value, and no output is it.
    func isUsedOnce(_ value: ValueID) -> Bool { useCounts[Int(value.index)] == 1 }

    /// Whether a node uses the value, or an output is it.
    func isUsed(_ value: ValueID) -> Bool { useCounts[Int(value.index)] > 0 }

    // MARK: Nodes

    /// Writes all nodes in order.
    func exportNodes() throws {
        for node in graph.nodeIDs {
            let results = graph.results(of: node)
            if graph.operation(of: node) is MartletIR.Broadcast {
                values[results[0]] = .broadcast(node)
                continue
            }
            let names = try export(node)
            guard names.count == results.count else {
                throw Diagnostic("export.results", "\(results.count) results are written as \(names.count)")
            }
            for (value, name) in zip(results, names) { values[value] = .name(name) }
        }
    }

    private func export(_ node: NodeID) throws -> [String] {
        let operation = graph.operation(of: node)
        var exported = ExportedNode(node, in: self)
        guard let exportable = operation as? any ONNXExportable else {
            throw exported.unsupported("operation '\(type(of: operation).name)' cannot be written as ONNX")
        }
        do {
            if try exported.exportPattern(of: operation, node) { return exported.results }
            try exportable.export(into: &exported)
        } catch let diagnostic as Diagnostic {
            throw diagnostic.at(.node(name: exported.name, operator: type(of: operation).name, file: nil))
        }
        return exported.results
    }

    private func expand(_ node: NodeID) throws -> String {
        guard let operation = graph.operation(of: node) as? any ONNXExportable else {
            throw Diagnostic("export.order", "a value is used before it is made")
        }
        var exported = ExportedNode(node, in: self)
        try operation.export(into: &exported)
        return exported.results[0]
    }

    /// Appends a node and gives the names of its results.
    func add(
        _ opType: String, _ inputs: [String], _ attributes: [AttributeProto] = [], domain: String = "",
        origin: [String]? = nil, resultCount: Int = 1
    ) -> [String] {
        let origin = origin ?? sizeOrigin
        let outputs = (0..<resultCount).map { _ in model.uniqueName(origin.last ?? opType) }
        produced.formUnion(outputs)
        var node = NodeProto(opType, domain: domain, inputs: inputs, outputs: outputs, attributes: attributes)
        node.name = model.nodeName(origin)
        if !origin.isEmpty, origin != [node.name] { node.metadata = [NodeOrigin.entry(origin)] }
        nodes.append(node)
        return outputs
    }

    // MARK: Outputs

    /// Gives the values that are outputs of the model the names that these have there.
    func nameOutputs() throws {
        for port in graph.outputs {
            let name = try name(of: port.value)
            if produced.contains(name), model.rename(name, to: port.name) { continue }
            nodes.append(NodeProto("Identity", inputs: [name], outputs: [port.name]))
        }
    }

    /// Names of these outputs of a nested graph: each a result of one of its nodes, all different.
    func distinctOutputs(_ names: [String]) -> [String] {
        var taken: Set<String> = []
        return names.map { name in
            let isOwn = produced.contains(name) && taken.insert(name).inserted
            return isOwn ? name : add("Identity", [name])[0]
        }
    }
}

extension Graph {
    /// For each value how many operands and outputs it is.
    fileprivate func useCounts() -> [Int] {
        var counts = [Int](repeating: 0, count: values.count)
        for node in nodeIDs { for operand in operands(of: node) { counts[Int(operand.index)] += 1 } }
        for port in outputs { counts[Int(port.value.index)] += 1 }
        return counts
    }
}
