import MartletCore
public import MartletIR

extension GraphExport {
    /// A nested graph with these values in place of its last inputs; the first ones are for the caller to define.
    func nested(_ region: Graph, captures: ArraySlice<ValueID>) -> GraphExport {
        let inner = GraphExport(model, region, parent: self)
        for (port, value) in zip(region.inputs.suffix(captures.count), captures) {
            inner.define(port.value, asOuter: value)
        }
        return inner
    }

    /// The graph as an attribute of a node.
    func proto(_ name: String, inputs: [ValueInfoProto], outputs names: [String], _ types: [TensorType]) -> GraphProto {
        var proto = GraphProto()
        let outputs = distinctOutputs(names)
        proto.name = name
        proto.nodes = nodes
        proto.inputs = inputs
        proto.outputs = zip(outputs, types).map { Self.looseInfo($0, $1) }
        return proto
    }

    /// A name and a type whose sizes are left open unless constant: others differ from turn to turn.
    static func looseInfo(_ name: String, _ type: TensorType) -> ValueInfoProto {
        let dimensions = type.shape.map { extent -> TensorShapeProto.Dimension in
            .init(extent.constant.map { .extent(Int64($0)) } ?? .unknown)
        }
        return ValueInfoProto(name: name, type: TypeProto(tensor: type.element, shape: TensorShapeProto(dimensions)))
    }

    /// Notes the symbols that get their values from the results of a region.
    fileprivate func noteSizes(_ sizes: [Symbol], of names: [String], _ types: [TensorType]) {
        for (name, type) in zip(names, types) {
            for (axis, extent) in type.shape.enumerated() {
                for symbol in sizes where extent == IntExpr(symbol) && sizeTable.sources[symbol] == nil {
                    sizeTable.sources[symbol] = .extent(of: name, axis: axis, scale: 1, offset: 0)
                }
            }
        }
    }
}

extension MartletIR.If: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        // An If without results would only check, which ONNX cannot.
        if results.isEmpty { return }
        let condition = try node.operand(0)
        var attributes: [AttributeProto] = []
        for (name, region) in [("then_branch", then), ("else_branch", otherwise)] {
            let inner = node.scope.nested(region, captures: node.operands.dropFirst())
            try inner.exportNodes()
            let outputs = try region.outputs.map { try inner.name(of: $0.value) }
            let graph = inner.proto(name, inputs: [], outputs: outputs, region.outputTypes)
            attributes.append(AttributeProto(name, .graph(graph)))
        }
        node.results = node.add("If", [condition], attributes, resultCount: results.count)
        node.scope.noteSizes(sizes, of: node.results, results)
    }
}

extension MartletIR.Loop: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let operands = LoopOperands(region, node.operands)
        let isScan = !region.hasCondition && region.scannedCount > 0 && !region.countsTurns
        if isScan {
            try exportScan(operands, &node)
        } else {
            try exportLoop(operands, &node)
        }
        if let turns = region.turns.symbols.first, region.hasCondition, region.stackedCount > 0 {
            node.scope.sizeTable.sources[turns] = .extent(
                of: node.results[region.stateCount], axis: 0, scale: 1, offset: 0)
        }
        node.scope.noteSizes(sizes, of: node.results, results)
    }

    // MARK: Scan

    private func exportScan(_ operands: LoopOperands, _ node: inout ExportedNode) throws {
        let inner = node.scope.nested(region.body, captures: operands.captures)
        let ports = region.body.inputs.dropFirst().prefix(region.stateCount + region.scannedCount)
        let inputs = inner.defineInputs(ports)
        try inner.exportNodes()
        let outputs = try region.body.outputs.map { try inner.name(of: $0.value) }
        let body = inner.proto("body", inputs: inputs, outputs: outputs, region.body.outputTypes)
        let names = try (operands.states + operands.scanned).map { try node.scope.name(of: $0) }
        let attributes = [AttributeProto("body", .graph(body)), .int("num_scan_inputs", region.scannedCount)]
        node.results = node.add("Scan", names, attributes, resultCount: results.count)
    }

    // MARK: Loop

    private func exportLoop(_ operands: LoopOperands, _ node: inout ExportedNode) throws {
        let inner = node.scope.nested(region.body, captures: operands.captures)
        let turn = node.scope.model.uniqueName("turn")
        let condition = node.scope.model.uniqueName("condition")
        inner.define(region.body.inputs[0].value, as: turn)
        inner.sizeTable.sources[region.counter] = .scalar(turn, .int64)
        var inputs = [
            GraphExport.looseInfo(turn, TensorType(.int64, [])),
            GraphExport.looseInfo(condition, TensorType(.bool, [])),
        ]
        inputs += inner.defineInputs(region.body.inputs.dropFirst().prefix(region.stateCount))
        let scanned = try operands.scanned.map { try node.scope.name(of: $0) }
        for (port, whole) in zip(region.body.inputs.dropFirst(1 + region.stateCount), scanned) {
            inner.define(port.value, as: inner.add("Gather", [whole, turn], [.int("axis", 0)])[0])
        }
        try inner.exportNodes()
        var outputs = try region.body.outputs.map { try inner.name(of: $0.value) }
        var types = region.body.outputTypes
        if !region.hasCondition {
            outputs.insert(condition, at: 0)
            types.insert(TensorType(.bool, []), at: 0)
        }
        let counted = try countTurns(turn, &outputs, &types, &inputs, inner, node)
        let body = inner.proto("body", inputs: inputs, outputs: outputs, types)
        try addLoop(operands, body, counted, &node)
    }

    /// Adds the node; `counted` is the symbol that a state counts up to, behind the others.
    private func addLoop(
        _ operands: LoopOperands, _ body: GraphProto, _ counted: Symbol?, _ node: inout ExportedNode
    ) throws {
        var names = [try region.trip.map { try node.scalarSize($0) } ?? ""]
        names.append(try operands.condition.map { try node.scope.name(of: $0) } ?? "")
        names += try operands.states.map { try node.scope.name(of: $0) }
        if counted != nil { names.append(try node.scalar(0, .int64)) }
        let count = results.count + (counted == nil ? 0 : 1)
        node.results = node.add("Loop", names, [AttributeProto("body", .graph(body))], resultCount: count)
        guard let counted else { return }
        let turns = node.results.remove(at: region.stateCount)
        node.scope.sizeTable.sources[counted] = .scalar(turns, .int64)
    }

    /// Adds a state that counts the turns, where nothing else tells how many they were.
    private func countTurns(
        _ turn: String, _ outputs: inout [String], _ types: inout [TensorType], _ inputs: inout [ValueInfoProto],
        _ inner: GraphExport, _ node: ExportedNode
    ) throws -> Symbol? {
        guard region.hasCondition, region.stackedCount == 0, let symbol = region.turns.symbols.first,
            node.scope.graph.mentions(symbol)
        else { return nil }
        let count = TensorType(.int64, [])
        inputs.append(GraphExport.looseInfo(node.scope.model.uniqueName("turns"), count))
        let next = inner.add("Add", [turn, try node.scalar(1, .int64)])[0]
        outputs.insert(next, at: 1 + region.stateCount)
        types.insert(count, at: 1 + region.stateCount)
        return symbol
    }
}

extension GraphExport {
    /// Gives inputs of a body names of their own.
    fileprivate func defineInputs(_ ports: ArraySlice<GraphPort>) -> [ValueInfoProto] {
        ports.map { port in
            let name = model.uniqueName(port.name)
            define(port.value, as: name)
            return Self.looseInfo(name, graph.type(of: port.value))
        }
    }
}

/// Operands of a loop by their roles.
private struct LoopOperands {
    let condition: ValueID?
    let states: ArraySlice<ValueID>
    let scanned: ArraySlice<ValueID>
    let captures: ArraySlice<ValueID>

    init(_ region: LoopRegion, _ operands: [ValueID]) {
        var rest = operands[...]
        condition = region.hasCondition ? rest.popFirst() : nil
        states = rest.prefix(region.stateCount)
        scanned = rest.dropFirst(region.stateCount).prefix(region.scannedCount)
        captures = rest.dropFirst(region.stateCount + region.scannedCount)
    }
}

extension LoopRegion {
    /// Whether the body uses the number of the turn.
    fileprivate var countsTurns: Bool {
        let turn = body.inputs[0].value
        let isUsed = body.nodeIDs.contains { body.operands(of: $0).contains(turn) }
        return isUsed || body.outputs.contains { $0.value == turn } || body.mentions(counter)
    }
}

extension Graph {
    /// Whether a size symbol occurs in the types or attributes of the graph or of graphs nested in it.
    fileprivate func mentions(_ symbol: Symbol) -> Bool {
        if values.contains(where: { $0.type.shape.contains { $0.contains(symbol) } }) { return true }
        return operations.contains { operation in
            operation.regions.contains { $0.mentions(symbol) }
                || operation.attributes.contains { attribute in
                    switch attribute.value {
                    case .dim(let size): size.contains(symbol)
                    case .dims(let sizes): sizes.contains { $0.contains(symbol) }
                    default: false
                    }
                }
        }
    }
}
