public import MartletCore

// What holds in every graph. `Graph.problems` finds all violations.
//
//  1. Ids of nodes lie in the graph's arrays: operations, operands, results, origins.
//  2. Each value has one producer, and the producer names it: an input by its position, a node by the result's.
//  3. Nodes stand in topological order: an operand is an input, or a result of an earlier node.
//  4. A node's operation accepts its operands, and gives results of the recorded number and types.
//  5. Inputs and outputs have distinct names among themselves; outputs are values of the graph.
//  6. Size symbols in types, attributes and requirements are in the symbol table, and none is a loop axis.
//  7. A symbol that a node defines is defined by no other node, and is not used by earlier ones.
//  8. Nested graphs satisfy all of this; their inputs and outputs fit the node (part of 4); they carry no states.
//  9. A state is an input and an output of one element type and rank, each in one state only.
// 10. Graphs are nested at most 64 deep.

extension Graph {
    /// Throws all problems as `Diagnostics`, if there are any.
    public func verify() throws {
        let problems = problems()
        if !problems.isEmpty { throw Diagnostics(problems) }
    }

    /// Every violation of the invariants above; empty for a sound graph.
    public func problems() -> [Diagnostic] {
        var verifier = GraphVerifier(table: symbols)
        verifier.check(self, depth: 0)
        return verifier.problems
    }
}

private struct GraphVerifier {
    private static let depthLimit = 64
    /// Beyond this many problems more of them help nobody.
    private static let problemLimit = 100

    let table: SymbolTable
    var problems: [Diagnostic] = []
    /// Symbols that nodes have defined, across all levels.
    var defined: Set<Symbol> = []

    mutating func report(_ invariant: Int, _ message: String, at place: Place? = nil, help: String? = nil) {
        guard problems.count < Self.problemLimit else { return }
        problems.append(Diagnostic("graph.invariant-\(invariant)", message, at: place, help: help))
    }

    mutating func check(_ graph: Graph, depth: Int) {
        guard depth <= Self.depthLimit else { return report(10, "graphs are nested too deep") }
        if depth > 0, !graph.states.isEmpty { report(8, "a nested graph carries states") }
        // Anything else may rely on ids.
        guard checkIDs(graph) else { return }
        checkProducers(graph)
        checkPorts(graph)
        for problem in graph.problems(of: graph.states) { report(9, problem.message, help: problem.help) }
        for port in graph.inputs { checkSymbols(in: graph.type(of: port.value).shape, "input '\(port.name)'", nil) }
        for requirement in graph.requirements {
            checkSymbols(in: [requirement.left, requirement.right], "a requirement", nil)
        }
        checkNodes(graph, depth: depth)
    }

    private func place(_ graph: Graph, _ node: NodeID) -> Place {
        let name = graph.origins(of: node).last ?? "#\(node.index)"
        return .node(name: name, operator: type(of: graph.operation(of: node)).name, file: nil)
    }

    // MARK: Structure

    private mutating func checkIDs(_ graph: Graph) -> Bool {
        let before = problems.count
        let values = graph.values.indices
        for (index, node) in graph.nodes.enumerated() {
            let (start, count) = (Int(node.operandStart), Int(node.operandCount))
            let (first, results) = (Int(node.firstResult.index), Int(node.resultCount))
            let fits =
                graph.operations.indices.contains(Int(node.operation)) && start >= 0 && count >= 0
                && start + count <= graph.operandPool.count && results >= 0
                && (results == 0 || (first >= 0 && first + results <= values.count))
                && graph.origins.indices.contains(Int(node.origin))
            if !fits { report(1, "node \(index) has an id outside of the graph") }
        }
        for value in graph.operandPool where !values.contains(Int(value.index)) {
            report(1, "operand %\(value.index) is outside of the graph")
        }
        for port in graph.inputs + graph.outputs where !values.contains(Int(port.value.index)) {
            report(5, "'\(port.name)' is %\(port.value.index), which is outside of the graph")
        }
        return problems.count == before
    }

    private mutating func checkProducers(_ graph: Graph) {
        var expected = [Graph.Producer?](repeating: nil, count: graph.values.count)
        func claim(_ value: ValueID, _ producer: Graph.Producer) -> Bool {
            defer { expected[Int(value.index)] = producer }
            return expected[Int(value.index)] == nil && graph.producer(of: value) == producer
        }
        for (index, port) in graph.inputs.enumerated() where !claim(port.value, .input(index)) {
            report(2, "input '\(port.name)' and its value do not name each other")
        }
        for node in graph.nodeIDs {
            for (index, value) in graph.results(of: node).enumerated() where !claim(value, .node(node, result: index)) {
                report(2, "a node and its result %\(value.index) do not name each other", at: place(graph, node))
            }
        }
        for (index, producer) in expected.enumerated() where producer == nil {
            report(2, "value %\(index) has no producer")
        }
    }

    private mutating func checkPorts(_ graph: Graph) {
        for (ports, kind) in [(graph.inputs, "input"), (graph.outputs, "output")] {
            var names: Set<String> = []
            for port in ports where !names.insert(port.name).inserted {
                report(5, "two \(kind)s have the name '\(port.name)'")
            }
        }
    }

    // MARK: Nodes

    private mutating func checkNodes(_ graph: Graph, depth: Int) {
        var known = [Bool](repeating: false, count: graph.values.count)
        for port in graph.inputs { known[Int(port.value.index)] = true }
        let later = definedLater(graph)
        for node in graph.nodeIDs {
            let operation = graph.operation(of: node)
            for operand in graph.operands(of: node) where !known[Int(operand.index)] {
                report(3, "operand %\(operand.index) is made after its use", at: place(graph, node))
            }
            for result in graph.results(of: node) { known[Int(result.index)] = true }
            // Bodies before results: symbols of the results are not known inside.
            for region in operation.regions { check(region, depth: depth + 1) }
            checkUses(graph, node, later)
            for symbol in operation.definedSymbols where !defined.insert(symbol).inserted {
                report(7, "size '\(table.name(of: symbol))' is defined twice", at: place(graph, node))
            }
            checkTypes(graph, node)
            let shapes = graph.results(of: node).flatMap { graph.type(of: $0).shape }
            checkSymbols(in: shapes, "a result", place(graph, node))
        }
        for port in graph.outputs where !known[Int(port.value.index)] {
            report(5, "output '\(port.name)' is never made")
        }
    }

    /// For each symbol that a node of this graph defines, the first such node.
    private func definedLater(_ graph: Graph) -> [Symbol: NodeID] {
        var nodes: [Symbol: NodeID] = [:]
        for node in graph.nodeIDs {
            for symbol in graph.operation(of: node).definedSymbols where nodes[symbol] == nil { nodes[symbol] = node }
        }
        return nodes
    }

    private mutating func checkUses(_ graph: Graph, _ node: NodeID, _ later: [Symbol: NodeID]) {
        let operation = graph.operation(of: node)
        let expressions = operation.attributes.flatMap(\.value.sizes)
        checkSymbols(in: expressions, "an attribute", place(graph, node))
        guard !later.isEmpty else { return }
        let own = operation.definedSymbols
        for symbol in Set(expressions.flatMap(\.symbols)).sorted() where !own.contains(symbol) {
            guard let definition = later[symbol], definition >= node else { continue }
            report(7, "size '\(table.name(of: symbol))' is used before it is defined", at: place(graph, node))
        }
    }

    private mutating func checkTypes(_ graph: Graph, _ node: NodeID) {
        let operands = graph.operands(of: node).map { graph.type(of: $0) }
        let recorded = graph.results(of: node).map { graph.type(of: $0) }
        do {
            let inferred = try graph.operation(of: node).resultTypes(
                of: operands, in: VerifierScope(ranges: table.ranges))
            let agree = inferred.count == recorded.count && zip(inferred, recorded).allSatisfy(isEqual)
            if agree { return }
            let texts = [inferred, recorded].map { $0.map { $0.text(table.name) }.joined(separator: ", ") }
            report(4, "the results should be \(texts[0]), not \(texts[1])", at: place(graph, node))
        } catch {
            report(4, (error as? Diagnostic)?.message ?? "\(error)", at: place(graph, node))
        }
    }

    private func isEqual(_ left: TensorType, _ right: TensorType) -> Bool {
        left.element == right.element && left.rank == right.rank
            && zip(left.shape, right.shape).allSatisfy { $0 == $1 || $0.isEqual(to: $1, table.ranges) == .yes }
    }

    private mutating func checkSymbols(in expressions: [IntExpr], _ what: String, _ place: Place?) {
        for symbol in Set(expressions.flatMap(\.symbols)).sorted() {
            if symbol.isAxis {
                report(6, "\(what) mentions the loop axis \(symbol)", at: place)
            } else if !table.entries.indices.contains(symbol.number) {
                report(6, "\(what) mentions the unknown size \(symbol)", at: place)
            }
        }
    }
}

extension AttributeValue {
    /// The size expressions in the value, without those of nested graphs.
    var sizes: [IntExpr] {
        switch self {
        case .dim(let expression): [expression]
        case .dims(let list): list
        case .types(let types): types.flatMap(\.shape)
        default: []
        }
    }
}

/// Scope of types that are inferred again: what is not known to be wrong stands.
private struct VerifierScope: TypeScope {
    let ranges: SymbolRanges

    func freshSymbol(_ name: String, lower: Int, upper: IntExpr?) -> Symbol { .size(Int(Int32.max)) }

    func require(_ left: IntExpr, equals right: IntExpr, _ what: @autoclosure () -> String) throws {
        if left.isEqual(to: right, ranges) == .no {
            throw Diagnostic("type.sizes-differ", "\(what()): \(left) and \(right) differ")
        }
    }
}
