import MartletCore

/// What a pass may do with a node: nil keeps it; else the values that stand for its results.
///
/// Called with the graph that the node belongs to, the node, its operands in the new graph, and that one's builder.
public typealias NodeTransform = (Graph, NodeID, [ValueID], GraphBuilder) throws -> [ValueID]?

extension Graph {
    /// Graphs nested deeper are not rebuilt.
    static let nestingLimit = 64

    /// The graph that results from adding each node anew, in order, through a builder and its local rules.
    ///
    /// Inputs, symbols, states, requirements and origins stay; nested graphs are rebuilt too, with the rules alone.
    ///
    /// - Parameter transform: what to do with a node, by its id here, its operands in the new graph, and the builder;
    ///   nil keeps the node.
    public func rebuilt(
        rules: RuleSet = RuleSet(), _ transform: (NodeID, [ValueID], GraphBuilder) throws -> [ValueID]?
    ) throws -> Graph {
        try withoutActuallyEscaping(transform) { transform in
            try rebuilt(rules: rules) { level in
                return { level.depth == 0 ? try transform($0, $1.operands, $1.builder) : nil }
            }
        }
    }

    /// As `rebuilt`, with the transform applied to the nodes of nested graphs too.
    public func rebuiltDeeply(rules: RuleSet = RuleSet(), _ transform: NodeTransform) throws -> Graph {
        try withoutActuallyEscaping(transform) { transform in
            try rebuilt(rules: rules) { level in
                return { try transform(level.graph, $0, $1.operands, $1.builder) }
            }
        }
    }

    /// As `rebuiltDeeply`, where what to do with nodes is planned for each graph, the outermost and those nested in it,
    /// before its nodes are added.
    func rebuiltByLevel(rules: RuleSet, _ plan: (Graph) throws -> LevelTransform) throws -> Graph {
        try withoutActuallyEscaping(plan) { plan in
            try rebuilt(rules: rules) { level in try plan(level.graph) }
        }
    }

    /// Adds all nodes of the graph to a builder, with `operands` in place of the inputs; gives the outputs' values.
    ///
    /// The graph must share the builder's symbols.
    public func inlined(into builder: GraphBuilder, _ operands: [ValueID]) throws -> [ValueID] {
        guard operands.count == inputs.count else {
            throw Diagnostic("type.region-inputs", "a graph of \(inputs.count) inputs is given \(operands.count)")
        }
        let origin = builder.origin
        defer { builder.origin = origin }
        let copy: LevelTransform = { try $1.builder.add(operation(of: $0), $1.operands) }
        return try Replay(Level(graph: self, depth: 0), builder) { _ in copy }.run(operands)
    }

    private func rebuilt(rules: RuleSet, _ plan: @escaping Replay.Plan) throws -> Graph {
        let builder = GraphBuilder(symbols: symbols, rules: rules)
        let values = inputs.map { builder.addInput($0.name, type(of: $0.value)) }
        let results = try Replay(Level(graph: self, depth: 0), builder, plan).run(values)
        return try builder.finish(outputs: zip(outputs, results).map { GraphPort($0.name, $1) }, states: states)
    }
}

/// What a pass may do with a node of a graph that it has planned for; nil keeps the node.
typealias LevelTransform = (NodeID, NodeRewriting) throws -> [ValueID]?

/// A node that is about to be added anew.
struct NodeRewriting {
    /// The node's operands in the new graph.
    let operands: [ValueID]
    /// What builds the new graph.
    let builder: GraphBuilder
    /// For a value of the old graph that is made before the node, the new graph's.
    let value: (ValueID) throws -> ValueID
}

/// A graph and how deep it is nested.
private struct Level {
    let graph: Graph
    let depth: Int
}

/// Adds the nodes of one graph to a builder.
private struct Replay {
    typealias Plan = (Level) throws -> LevelTransform

    private let level: Level
    private let builder: GraphBuilder
    private let plan: Plan

    init(_ level: Level, _ builder: GraphBuilder, _ plan: @escaping Plan) {
        (self.level, self.builder, self.plan) = (level, builder, plan)
    }

    private var graph: Graph { level.graph }

    /// Gives the values of the outputs.
    func run(_ inputs: [ValueID]) throws -> [ValueID] {
        guard level.depth < Graph.nestingLimit else {
            throw Diagnostic("graph.depth", "graphs are nested more than \(Graph.nestingLimit) deep")
        }
        let transform = try plan(level)
        var newID = [ValueID?](repeating: nil, count: graph.values.count)
        for (port, value) in zip(graph.inputs, inputs) { newID[Int(port.value.index)] = value }
        for requirement in graph.requirements {
            try builder.require(requirement.left, equals: requirement.right, requirement.what)
        }
        for node in graph.nodeIDs {
            let operands = try graph.operands(of: node).map { try value($0, newID) }
            builder.origin = graph.origins(of: node)
            builder.rules.enter(type(of: graph.operation(of: node)).name, builder.origin)
            let rewriting = NodeRewriting(operands: operands, builder: builder) { try value($0, newID) }
            let results = try transform(node, rewriting) ?? keep(node, operands)
            let old = graph.results(of: node)
            guard results.count == old.count else {
                throw Diagnostic("graph.results", "\(old.count) results are replaced by \(results.count)")
            }
            for (old, new) in zip(old, results) { newID[Int(old.index)] = new }
        }
        return try graph.outputs.map { try value($0.value, newID) }
    }

    private func value(_ old: ValueID, _ newID: [ValueID?]) throws -> ValueID {
        guard let new = newID[Int(old.index)] else {
            throw Diagnostic("graph.order", "value %\(old.index) is used before it is made")
        }
        return new
    }

    private func keep(_ node: NodeID, _ operands: [ValueID]) throws -> [ValueID] {
        let operation = graph.operation(of: node)
        let regions = operation.regions
        guard !regions.isEmpty else { return try builder.add(operation, operands) }
        let rebuilt = try regions.map { try rebuild($0, of: operation, operands) }
        return try builder.add(try operation.replacing(regions: rebuilt), operands)
    }

    private func rebuild(_ region: Graph, of operation: any Operation, _ operands: [ValueID]) throws -> Graph {
        let nested = builder.nested()
        var values = region.inputs.map { nested.addInput($0.name, region.type(of: $0.value)) }
        if let loop = operation as? Loop, let counter = values.first {
            nested.assume(counter, is: [IntExpr(loop.region.counter)])
        }
        // What is known of captures outside is known inside.
        let captures = operation.captureCount(operands.count)
        for offset in 1..<max(captures, 0) + 1 where offset <= values.count {
            let (inner, outer) = (values.count - offset, operands[operands.count - offset])
            if let constant = builder.constant(outer) { values[inner] = try nested.add(constant: constant) }
            if let known = builder.symbolicValues(outer) { nested.assume(values[inner], is: known) }
        }
        let results = try Replay(Level(graph: region, depth: level.depth + 1), nested, plan).run(values)
        return try nested.finish(outputs: zip(region.outputs, results).map { GraphPort($0.name, $1) })
    }
}

extension Operation {
    /// How many of the last operands are captures, which are the last inputs of every nested graph.
    func captureCount(_ operandCount: Int) -> Int {
        switch self {
        case is If: return operandCount - 1
        case let loop as Loop:
            let region = loop.region
            return operandCount - (region.hasCondition ? 1 : 0) - region.stateCount - region.scannedCount
        default: return 0
        }
    }
}
