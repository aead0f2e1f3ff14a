import MartletCore

/// Which parts of one graph, without the graphs nested in it, are forms of kept functions.
///
/// Linear in the graph: forms are recorded once for each kind of seed, and a form is compared only with nodes of the
/// operation that makes its result.
struct RaisingPlan {
    /// A part of the graph that is replaced by a call.
    struct Match {
        let call: any KeptFunction
        let operands: [Operand]
        /// The nodes that the call replaces, in order; the last one makes the result.
        let nodes: [NodeID]
    }

    /// An operand of a call.
    enum Operand {
        case value(ValueID)
        /// Not a value of the graph, which has a view of it as a constant.
        case constant(HostTensor)
    }

    /// By the node of the result.
    private(set) var matches: [NodeID: Match] = [:]
    /// What looked like a form and is none, and why.
    private(set) var refusals: [String] = []

    private let graph: Graph
    private var readerCounts: [Int32]
    private var isOutput: [Bool]
    private var isTaken: [Bool]
    /// The best reason for each node that nearly made a form's result.
    private var nearMisses: [NodeID: (function: String, difference: PatternSearch.Difference)] = [:]

    init(_ graph: Graph, functions: [any KeptFunction.Type]) {
        self.graph = graph
        readerCounts = Array(repeating: 0, count: graph.values.count)
        isOutput = Array(repeating: false, count: graph.values.count)
        isTaken = Array(repeating: false, count: graph.nodes.count)
        let patterns = FormSearch(graph, functions).patterns
        guard !patterns.isEmpty else { return }
        for operand in graph.operandPool { readerCounts[Int(operand.index)] += 1 }
        for port in graph.outputs { isOutput[Int(port.value.index)] = true }
        let candidates = candidates(for: patterns)
        for pattern in patterns {
            for node in candidates[pattern.rootOperation] ?? [] where !isTaken[Int(node.index)] {
                compare(pattern, node)
            }
        }
        for (node, miss) in nearMisses.sorted(by: { $0.key < $1.key }) where !isTaken[Int(node.index)] {
            let name = graph.sourceName(of: graph.results(of: node)[0])
            refusals.append("\(name): not raised to \(miss.function): \(miss.difference.reason())")
        }
    }

    /// Whether a node is inside of a form that is replaced: it has operands, and only nodes of the form read it.
    func isReplaced(_ node: NodeID) -> Bool { isTaken[Int(node.index)] && !graph.operands(of: node).isEmpty }

    private func candidates(for patterns: [FormPattern]) -> [Int32: [NodeID]] {
        var lists: [Int32: [NodeID]] = [:]
        for pattern in patterns where pattern.rootOperation >= 0 { lists[pattern.rootOperation] = [] }
        let isRoot = graph.operations.indices.map { lists[Int32($0)] != nil }
        for (position, node) in graph.nodes.enumerated() where isRoot[Int(node.operation)] {
            lists[node.operation, default: []].append(NodeID(position))
        }
        return lists
    }

    /// Compares a pattern with what makes the result of a node, and notes the match or why there is none.
    private mutating func compare(_ pattern: FormPattern, _ root: NodeID) {
        let result = graph.results(of: root)[0]
        guard pattern.mayEnd(in: root, of: graph), graph.type(of: result) == pattern.graph.outputTypes[0] else {
            return
        }
        var search = PatternSearch(pattern, in: graph)
        guard let binding = search.binding(endingIn: result) else {
            if let difference = search.difference { note(difference, of: pattern, at: root) }
            return
        }
        let nodes = replacedNodes(pattern, binding.values)
        if nodes.contains(where: { isTaken[Int($0.index)] }) { return }
        if let reason = reasonToKeep(nodes, root, pattern, binding.values) {
            return note(.init(found: binding.values.count, reason: { reason }), of: pattern, at: root)
        }
        for node in nodes { isTaken[Int(node.index)] = true }
        matches[root] = match(pattern, binding, nodes)
    }

    private func match(_ pattern: FormPattern, _ binding: PatternSearch.Binding, _ nodes: [NodeID]) -> Match {
        var operands: [Operand] = []
        var constants: [Double] = []
        for (port, hole) in zip(pattern.graph.inputs, pattern.holes) {
            guard let value = binding.values[Int(port.value.index)] else { continue }
            switch hole {
            case .operand: operands.append(binding.folded[port.value].map { .constant($0) } ?? .value(value))
            case .constant: constants += graph.scalar(value).map { [$0] } ?? []
            }
        }
        return Match(call: pattern.form.call(constants), operands: operands, nodes: nodes)
    }

    private func replacedNodes(_ pattern: FormPattern, _ values: [ValueID?]) -> [NodeID] {
        var nodes: Set<NodeID> = []
        for node in pattern.graph.nodeIDs where !pattern.isClosed[Int(node.index)] {
            guard let own = pattern.graph.results(of: node).first, let value = values[Int(own.index)],
                graph.constant(value) == nil, case .node(let other, _) = graph.producer(of: value)
            else { continue }
            nodes.insert(other)
        }
        return nodes.sorted()
    }

    /// Values inside of the form that something else needs would have to be computed twice.
    private func reasonToKeep(
        _ nodes: [NodeID], _ root: NodeID, _ pattern: FormPattern, _ values: [ValueID?]
    ) -> String? {
        var readers: [ValueID: Int32] = [:]
        for node in nodes {
            for operand in graph.operands(of: node) { readers[operand, default: 0] += 1 }
        }
        for node in nodes where node != root {
            for value in graph.results(of: node) {
                if isOutput[Int(value.index)] { return "\(graph.sourceName(of: value)) inside of it is an output" }
                if readers[value] != readerCounts[Int(value.index)] {
                    return "\(graph.sourceName(of: value)) inside of it has other readers"
                }
            }
        }
        let inner = Set(nodes)
        for port in pattern.graph.inputs {
            guard let value = values[Int(port.value.index)], case .node(let node, _) = graph.producer(of: value),
                inner.contains(node)
            else { continue }
            return "\(graph.sourceName(of: value)) inside of it is an operand too"
        }
        return nil
    }

    private mutating func note(_ difference: PatternSearch.Difference, of pattern: FormPattern, at root: NodeID) {
        guard difference.found > nearMisses[root]?.difference.found ?? 0 else { return }
        nearMisses[root] = (type(of: pattern.form.call([])).name, difference)
    }
}

/// The forms that a graph may contain, as patterns, the largest first: a smaller one may be a part of it.
private struct FormSearch {
    private struct SeedKey: Hashable {
        let operation: Int32
        let types: [TensorType]
    }
    /// How far the types behind a seed are looked at: behind a square, a change of shape and one of type.
    private static let depth = 4

    private(set) var patterns: [FormPattern] = []

    init(_ graph: Graph, _ functions: [any KeptFunction.Type]) {
        let lists = functions.compactMap { $0.spelledForms }
        let seeds = graph.operations.map { operation in lists.indices.filter { lists[$0].isSeed(operation) } }
        guard seeds.contains(where: { !$0.isEmpty }) else { return }
        let index = OperationIndex(graph)
        var known: Set<SeedKey> = []
        for (position, node) in graph.nodes.enumerated() where !seeds[Int(node.operation)].isEmpty {
            let types = Self.types(behind: NodeID(position), graph)
            guard known.insert(SeedKey(operation: node.operation, types: types)).inserted else { continue }
            let seed = SpelledForms.Seed(operation: graph.operations[Int(node.operation)], types: types)
            for form in seeds[Int(node.operation)].flatMap({ lists[$0].forms(seed) }) {
                if let pattern = FormPattern(form, in: index, symbols: graph.symbols) { patterns.append(pattern) }
            }
        }
        // The order of equal ones stays: sorting is not stable by promise.
        patterns = patterns.enumerated()
            .sorted { ($1.element.graph.nodes.count, $0.offset) < ($0.element.graph.nodes.count, $1.offset) }
            .map(\.element)
    }

    private static func types(behind node: NodeID, _ graph: Graph) -> [TensorType] {
        var types: [TensorType] = []
        var operand = graph.operands(of: node).first
        for _ in 0..<depth {
            guard let value = operand else { break }
            if types.last != graph.type(of: value) { types.append(graph.type(of: value)) }
            guard case .node(let producer, _) = graph.producer(of: value) else { break }
            operand = graph.operands(of: producer).first
        }
        return types
    }
}
