public import MartletCore

/// Evaluates a graph node by node with each operation's plain evaluation: the judge of compiled code.
public final class Interpreter: EvaluationContext {
    private let graph: Graph
    private var symbols: [Symbol: Int]
    /// The node that is being evaluated.
    private var current: NodeID?

    /// Called after every node with its results; for comparing layer by layer.
    public var observer: ((NodeID, [HostTensor]) throws -> Void)?

    /// The most bytes that the results of one node may take; by default half of the machine's memory.
    public var memoryLimit: Int = MachineMemory.byteCount / 2

    /// Makes an interpreter of `graph`; `symbols` are values known from an enclosing graph.
    public init(_ graph: Graph, symbols: [Symbol: Int] = [:]) {
        self.graph = graph
        self.symbols = symbols
    }

    public func value(of expression: IntExpr) throws -> Int {
        try expression.evaluate { symbol in
            guard let value = symbols[symbol] else {
                throw Diagnostic("run.symbol", "size '\(graph.symbols.name(of: symbol))' has no value yet")
            }
            return value
        }
    }

    public func bind(_ symbol: Symbol, to value: Int) throws {
        symbols[symbol] = value
        try checkRequirements { $0.left.contains(symbol) || $0.right.contains(symbol) }
    }

    public func givenIndex(_ index: Int64, operand: Int, axis: Int) -> Int64 {
        guard index < 0, let current else { return index }
        let operands = Array(graph.operands(of: current))
        let size = graph.type(of: operands[0]).shape[axis]
        guard graph.index(countedFromTheEndOf: size, in: operands[operand]) != nil, let extent = try? value(of: size)
        else { return index }
        // What is still negative was so before.
        return index &- Int64(extent)
    }

    public func evaluate(_ graph: Graph, _ operands: [HostTensor]) throws -> [HostTensor] {
        let interpreter = Interpreter(graph, symbols: symbols)
        interpreter.memoryLimit = memoryLimit
        return try interpreter.run(operands)
    }

    /// Evaluates on operands in the order of the graph's inputs; gives the outputs in order.
    ///
    /// - Throws: `run.input…` where an input does not fit, and an operation's diagnostic with its node as place.
    public func run(_ inputs: [HostTensor]) throws -> [HostTensor] {
        try FloatingPointMode.withIEEE { try runNodes(inputs) }
    }

    private func runNodes(_ inputs: [HostTensor]) throws -> [HostTensor] {
        var values = [HostTensor?](repeating: nil, count: graph.values.count)
        try bindInputs(inputs, into: &values)
        try checkRequirements()
        var remaining = useCounts()
        for node in graph.nodeIDs {
            let operands = try graph.operands(of: node).map { try tensor($0, values) }
            let results = try evaluate(node, operands)
            for (value, result) in zip(graph.results(of: node), results) { values[Int(value.index)] = result }
            release(node, &values, &remaining)
        }
        return try graph.outputs.map { try tensor($0.value, values) }
    }

    private func tensor(_ value: ValueID, _ values: [HostTensor?]) throws -> HostTensor {
        guard let tensor = values[Int(value.index)] else {
            throw Diagnostic("graph.order", "value %\(value.index) is used before it is made")
        }
        return tensor
    }

    private func evaluate(_ node: NodeID, _ operands: [HostTensor]) throws -> [HostTensor] {
        let operation = graph.operation(of: node)
        do {
            try checkMemory(node)
            current = node
            let results = try operation.evaluate(operands, in: self)
            try observer?(node, results)
            return results
        } catch let diagnostic as Diagnostic {
            let source = graph.origins(of: node).last ?? ""
            throw diagnostic.at(.node(name: source, operator: type(of: operation).name, file: nil))
        }
    }

    /// Refuses results that are too large before they are allocated, as far as their sizes are known.
    private func checkMemory(_ node: NodeID) throws {
        var bytes = 0
        for result in graph.results(of: node) {
            let type = graph.type(of: result)
            guard let sizes = try? type.shape.map({ try value(of: $0) }),
                let size = try? HostTensor.size(of: type.element, sizes)
            else { continue }
            let sum = bytes.addingReportingOverflow(size.byteCount)
            bytes = sum.overflow ? .max : sum.partialValue
        }
        guard bytes > memoryLimit else { return }
        throw Diagnostic(
            "run.out-of-memory", "\(bytes) bytes are needed for one node, and \(memoryLimit) are allowed",
            help: "use smaller inputs, or set a greater limit (MARTLET_MEMORY_LIMIT)")
    }

    private func useCounts() -> [Int] {
        var counts = [Int](repeating: 0, count: graph.values.count)
        for node in graph.nodeIDs { for operand in graph.operands(of: node) { counts[Int(operand.index)] += 1 } }
        for output in graph.outputs { counts[Int(output.value.index)] += 1 }
        return counts
    }

    private func release(_ node: NodeID, _ values: inout [HostTensor?], _ remaining: inout [Int]) {
        for operand in graph.operands(of: node) {
            remaining[Int(operand.index)] -= 1
            if remaining[Int(operand.index)] == 0 { values[Int(operand.index)] = nil }
        }
    }

    private func bindInputs(_ inputs: [HostTensor], into values: inout [HostTensor?]) throws {
        guard inputs.count == graph.inputs.count else {
            throw Diagnostic("run.input-count", "\(graph.inputs.count) inputs are needed, \(inputs.count) were given")
        }
        for (port, tensor) in zip(graph.inputs, inputs) {
            try InputBinding.bind(port.name, graph.type(of: port.value), tensor, graph.symbols, &symbols)
            values[Int(port.value.index)] = tensor
        }
        for (port, tensor) in zip(graph.inputs, inputs) {
            try InputBinding.check(port.name, graph.type(of: port.value), tensor, graph.symbols, symbols)
        }
    }

    /// Checks the requirements of which all sizes are known and that `isDue` picks.
    private func checkRequirements(_ isDue: (SizeRequirement) -> Bool = { _ in true }) throws {
        for requirement in graph.requirements where isDue(requirement) {
            guard let left = try? value(of: requirement.left), let right = try? value(of: requirement.right),
                left != right
            else { continue }
            let sides = [(requirement.left, left), (requirement.right, right)].map { size, value in
                size.constant == nil ? "\(size.text(graph.symbols.name(of:))) = \(value)" : "\(value)"
            }
            let parts = Set(requirement.left.symbols + requirement.right.symbols).sorted().compactMap { symbol in
                symbols[symbol].map { "\(graph.symbols.name(of: symbol)) = \($0)" }
            }
            // A formula beside a number is an excess, which says less than the sizes in it.
            let isExcess = !parts.allSatisfy(sides.contains) && sides.contains { !$0.contains("=") }
            let readsWell = !isExcess && sides.allSatisfy { $0.utf8.count <= 40 }
            throw Diagnostic(
                "run.sizes-differ",
                "\(requirement.what): "
                    + (readsWell
                        ? "\(sides[0]) and \(sides[1]) differ"
                        : "the sizes \(parts.joined(separator: ", ")) do not fit"))
        }
    }
}
