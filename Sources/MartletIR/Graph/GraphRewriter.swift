import MartletCore

/// What a pass may do with a node: nil keeps it; else the values that stand for its results.
///
/// Called with the graph that the node belongs to, the node, its operands in the new graph, and that one's builder.
public typealias NodeTransform = (Graph, NodeID, [ValueID], GraphBuilder) throws -> [ValueID]?

extension Graph {
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
            try rebuilt(rules: rules) { (graph: Level, node, operands, builder) in
                graph.depth == 0 ? try transform(node, operands, builder) : nil
            }
        }
    }

    /// As `rebuilt`, with the transform applied to the nodes of nested graphs too.
    public func rebuiltDeeply(rules: RuleSet = RuleSet(), _ transform: NodeTransform) throws -> Graph {
        try withoutActuallyEscaping(transform) { transform in
            try rebuilt(rules: rules) { (level: Level, node, operands, builder) in
                try transform(level.graph, node, operands, builder)
            }
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
        return try Replay(Level(graph: self, depth: 0), builder) { _, node, operands, builder in
            try builder.add(operation(of: node), operands)
        }.run(operands)
    }

    private func rebuilt(rules: RuleSet, _ transform: @escaping Replay.Transform) throws -> Graph {
        let builder = GraphBuilder(symbols: symbols, rules: rules)
        let values = inputs.map { builder.addInput($0.name, type(of: $0.value)) }
        let results = try Replay(Level(graph: self, depth: 0), builder, transform).run(values)
        return try builder.finish(outputs: zip(outputs, results).map { GraphPort($0.name, $1) }, states: states)
    }
}

/// A graph and how deep it is nested.
private struct Level {
    let graph: Graph
    let depth: Int
}

/// Adds the nodes of one graph to a builder.
private struct Replay {
    typealias Transform = (Level, NodeID, [ValueID], GraphBuilder) throws -> [ValueID]?

    /// Graphs nested deeper are refused.
    private static let depthLimit = 64

    private let level: Level
    private let builder: GraphBuilder
    private let transform: Transform

    init(_ level: Level, _ builder: GraphBuilder, _ transform: @escaping Transform) {
        (self.level, self.builder, self.transform) = (level, builder, transform)
    }

    private var graph: Graph { level.graph }

    /// Gives the values of the outputs.
    func run(_ inputs: [ValueID]) throws -> [ValueID] {
        guard level.depth < Self.depthLimit else {
            throw Diagnostic("graph.depth", "graphs are nested more than \(Self.depthLimit) deep")
        }
        var newID = [ValueID?](repeating: nil, count: graph.values.count)
        for (port, value) in zip(graph.inputs, inputs) { newID[Int(port.value.index)] = value }
        for requirement in graph.requirements {
            try builder.require(requirement.left, equals: requirement.right, requirement.what)
        }
        for node in graph.nodeIDs {
            let operands = try graph.operands(of: node).map { try value($0, newID) }
            builder.origin = graph.origins(of: node)
            let results = try transform(level, node, operands, builder) ?? keep(node, operands)
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
        let results = try Replay(Level(graph: region, depth: level.depth + 1), nested, transform).run(values)
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
