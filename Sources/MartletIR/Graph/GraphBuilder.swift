public import MartletCore

/// Builds a graph node by node: infers types, interns equal nodes, folds constants, applies local rules.
///
/// An ill-typed node is rejected at once with a diagnostic that names it. Building is linear in the number of nodes.
/// Not thread-safe: a builder belongs to one task.
public final class GraphBuilder: TypeScope {
    private var graph = Graph()
    private var operationIDs: [OperationKey: Int32] = [:]
    private var nodeIDs: [NodeKey: NodeID] = [:]
    private var symbolic: [ValueID: [IntExpr]] = [:]
    private var originIDs: [[String]: Int32] = [[]: 0]
    /// The last one asked for: most nodes come from where the one before came from.
    private var lastOrigin: (names: [String], id: Int32) = ([], 0)
    private var boundSymbols: [ValueID: Symbol] = [:]
    private let symbolScope: SymbolScope
    /// Which local rules may fire, and how often each did.
    public let rules: RuleSet
    /// Names of the source nodes that nodes added from now on come from.
    public var origin: [String] = []
    /// Whether an operation is being asked for its types.
    private var isTyping = false
    /// Whether a constant is added that folding made.
    private var isFolding = false

    private struct OperationKey: Hashable {
        let name: String
        let attributes: [Attribute]
    }
    private struct NodeKey: Hashable {
        let operation: Int32
        let operands: [ValueID]
    }
    /// What a builder and the builders of nested graphs share: the symbol table, and how many bytes of constants were
    /// given and made by folding.
    final class SymbolScope {
        var table: SymbolTable
        var givenBytes = 0
        var foldedBytes = 0
        init(_ table: SymbolTable) { self.table = table }
    }

    /// Makes a builder of an empty graph; `symbols` are those of the graph that is being rebuilt.
    public init(symbols: SymbolTable = SymbolTable(), rules: RuleSet = RuleSet()) {
        symbolScope = SymbolScope(symbols)
        self.rules = rules
    }

    private init(nestedIn parent: GraphBuilder) {
        symbolScope = parent.symbolScope
        rules = parent.rules
        origin = parent.origin
    }

    /// A builder of a graph nested in this one, sharing its symbols.
    public func nested() -> GraphBuilder { GraphBuilder(nestedIn: self) }

    // MARK: Symbols

    /// The symbols known so far.
    public var symbols: SymbolTable { symbolScope.table }
    public var ranges: SymbolRanges { symbolScope.table.ranges }

    public func freshSymbol(_ name: String, lower: Int = 0, upper: IntExpr? = nil) -> Symbol {
        symbolScope.table.add(name, lower: lower, upper: upper)
    }

    /// Narrows the ranges of some symbols; gives what restores them.
    public func narrow(_ limits: [(symbol: Symbol, lower: Int?, upper: Int?)]) -> [(Symbol, SymbolTable.Entry)] {
        let saved = limits.map { ($0.symbol, symbolScope.table.entries[Int($0.symbol.id)]) }
        for limit in limits { symbolScope.table.narrow(limit.symbol, lower: limit.lower, upper: limit.upper) }
        return saved
    }

    /// Restores ranges that `narrow` changed.
    public func restore(_ saved: [(Symbol, SymbolTable.Entry)]) {
        for (symbol, entry) in saved.reversed() { symbolScope.table.restore(symbol, entry) }
    }

    public func require(_ left: IntExpr, equals right: IntExpr, _ what: @autoclosure () -> String) throws {
        if left == right { return }
        let (left, right) = (simplify(left), simplify(right))
        switch left.isEqual(to: right, ranges) {
        case .yes: return
        case .no:
            let name = symbolScope.table.name(of:)
            throw Diagnostic("type.sizes-differ", "\(what()): \(left.text(name)) and \(right.text(name)) differ")
        case .unknown: addRequirement(left, right, what())
        }
    }

    /// Notes a requirement once; where a node makes it, with the node's name.
    private func addRequirement(_ left: IntExpr, _ right: IntExpr, _ what: String) {
        guard !graph.requirements.contains(where: { $0.left == left && $0.right == right }) else { return }
        let node = isTyping ? origin.last.map { ", at '\($0)'" } ?? "" : ""
        graph.requirements.append(SizeRequirement(left: left, right: right, what: what + node))
    }

    // MARK: Values

    /// Adds an input.
    public func addInput(_ name: String, _ type: TensorType) -> ValueID {
        let value = ValueID(graph.values.count)
        graph.values.append(Graph.Value(type: type, producer: .input(graph.inputs.count)))
        graph.inputs.append(GraphPort(name, value))
        return value
    }

    /// The type of a value.
    public func type(of value: ValueID) -> TensorType { graph.type(of: value) }

    /// The tensor that a value is, if it is constant.
    public func constant(_ value: ValueID) -> HostTensor? { graph.constant(value) }

    /// The elements of a small integer value as expressions of sizes, where known.
    public func symbolicValues(_ value: ValueID) -> [IntExpr]? { symbolic[value] }

    /// States that the elements of `value` are these expressions.
    public func assume(_ value: ValueID, is expressions: [IntExpr]) { symbolic[value] = expressions }

    /// The operation and operands that make a value, for local rules.
    public func definition(of value: ValueID) -> (operation: any Operation, operands: [ValueID], result: Int)? {
        guard case .node(let node, let result) = graph.producer(of: value) else { return nil }
        return (graph.operation(of: node), Array(graph.operands(of: node)), result)
    }

    /// Adds a constant.
    public func add(constant tensor: HostTensor) throws -> ValueID {
        try add(Constant(tensor), [])[0]
    }

    /// Adds a node of one result.
    public func add(_ operation: any Operation, _ operands: ValueID...) throws -> ValueID {
        try add(operation, operands)[0]
    }

    /// Adds a node, or finds, folds or rewrites it; gives its results.
    ///
    /// - Throws: the operation's diagnostic when the operands do not fit, with the operation and its source node as place.
    public func add(_ operation: any Operation, _ operands: [ValueID]) throws -> [ValueID] {
        let key = NodeKey(operation: intern(operation), operands: operands)
        if operation.isInterned, let known = nodeIDs[key] { return graph.results(of: known) }
        // Types first: rules may rely on operands that fit.
        let types = try resultTypes(of: operation, operands)
        rules.enter(type(of: operation).name, origin)
        if let values = try operation.simplified(operands, in: self) { return values }
        if let folded = try fold(operation, operands, types) { return folded }
        return insert(operation, key, types)
    }

    private func resultTypes(of operation: any Operation, _ operands: [ValueID]) throws -> [TensorType] {
        isTyping = true
        defer { isTyping = false }
        do {
            return try operation.resultTypes(of: operands.map(type(of:)), in: self)
        } catch let diagnostic as Diagnostic {
            throw diagnostic.at(.node(name: origin.last ?? "", operator: type(of: operation).name, file: nil))
        }
    }

    private func type(of operation: any Operation) -> any Operation.Type { Swift.type(of: operation) }

    private func intern(_ operation: any Operation) -> Int32 {
        guard operation.isInterned else {
            graph.operations.append(operation)
            return Int32(graph.operations.count - 1)
        }
        let key = OperationKey(name: type(of: operation).name, attributes: operation.attributes)
        if let known = operationIDs[key] { return known }
        graph.operations.append(operation)
        let id = Int32(graph.operations.count - 1)
        operationIDs[key] = id
        return id
    }

    private func insert(_ operation: any Operation, _ key: NodeKey, _ types: [TensorType]) -> [ValueID] {
        if !isFolding, let constant = operation as? Constant {
            symbolScope.givenBytes += constant.tensor.byteCount
        }
        let node = NodeID(graph.nodes.count)
        let first = ValueID(graph.values.count)
        graph.nodes.append(
            Graph.Node(
                operation: key.operation, operandStart: Int32(graph.operandPool.count),
                operandCount: Int32(key.operands.count), firstResult: first, resultCount: Int32(types.count),
                origin: originID()))
        graph.operandPool += key.operands
        var results: [ValueID] = []
        for (position, type) in types.enumerated() {
            results.append(ValueID(graph.values.count))
            graph.values.append(Graph.Value(type: type, producer: .node(node, result: position)))
        }
        if operation.isInterned { nodeIDs[key] = node }
        if let bind = operation as? Bind { boundSymbols[key.operands[0]] = bind.symbol }
        noteSymbolicValues(operation, key.operands, results)
        return results
    }

    private func originID() -> Int32 {
        if lastOrigin.names == origin { return lastOrigin.id }
        let id = originIDs[origin] ?? Int32(graph.origins.count)
        if id == Int32(graph.origins.count) {
            graph.origins.append(origin)
            originIDs[origin] = id
        }
        lastOrigin = (origin, id)
        return id
    }

    /// A value as a size, at most `upper`. The same value gives the same symbol.
    public func bind(_ value: ValueID, _ name: String, lower: Int, upper: IntExpr?) throws -> IntExpr {
        if let symbol = boundSymbols[value] { return IntExpr(symbol) }
        let upper = upper.map { simplify($0) }
        let symbol = freshSymbol(name, lower: lower, upper: upper)
        boundSymbols[value] = symbol
        _ = try add(Bind(symbol: symbol, lower: lower, upper: upper), [value])
        return IntExpr(symbol)
    }

    /// Gives symbols that were extents of a region's results their values from the values that replace the results.
    func define(_ sizes: [Symbol], from values: [ValueID], as types: [TensorType]) throws {
        var open = Set(sizes)
        for (value, type) in zip(values, types) {
            for (extent, size) in zip(type.shape, self.type(of: value).shape) {
                guard let symbol = extent.loneSymbol, open.remove(symbol) != nil else { continue }
                let scalar = try add(Dimension(size))
                _ = try add(Bind(symbol: symbol, lower: 0, upper: nil), [scalar])
            }
        }
    }

    // MARK: Folding

    /// The builder's own rule: a node of constants is evaluated.
    static let foldingRule = "fold-constants"
    /// Results of at most this many bytes are folded whatever the operands' size.
    private static let smallResult = 4096
    /// Vectors of sizes are tracked up to this many elements.
    private static let symbolicLimit = 64

    private func fold(
        _ operation: any Operation, _ operands: [ValueID], _ types: [TensorType]
    ) throws -> [ValueID]? {
        guard operation.isFoldable, !operands.isEmpty, rules.allows(Self.foldingRule) else { return nil }
        var tensors: [HostTensor] = []
        var operandBytes = 0
        for operand in operands {
            guard let tensor = constant(operand) else { return nil }
            tensors.append(tensor)
            operandBytes += tensor.byteCount
        }
        var resultBytes = 0
        for type in types {
            guard let sizes = type.staticShape, let bytes = Self.byteCount(type.element, sizes) else { return nil }
            resultBytes += bytes
        }
        // A broadcast weight is cheaper to read in place than to store.
        guard resultBytes <= max(operandBytes, Self.smallResult), isAffordable(resultBytes) else { return nil }
        // What fails on these values may stand in a branch that is never taken: it fails when it runs.
        guard let results = try? operation.evaluate(tensors, in: ConstantContext()) else { return nil }
        rules.count(Self.foldingRule)
        symbolScope.foldedBytes += resultBytes
        isFolding = true
        defer { isFolding = false }
        return try results.map { try add(constant: $0) }
    }

    /// Whether folding may make so many bytes more. A chain of nodes each of which doubles its operand would make any
    /// amount of memory of a small file.
    private func isAffordable(_ bytes: Int) -> Bool {
        let budget = symbolScope.givenBytes.multipliedReportingOverflow(by: Self.foldingShare)
        return budget.overflow || symbolScope.foldedBytes < max(budget.partialValue, Self.freeFolding) - bytes
    }

    /// Folding may make this many times the bytes of the constants given, and always so many.
    private static let foldingShare = 4
    private static let freeFolding = 64 << 20

    private static let countLimit = 1 << 40

    private static func byteCount(_ type: ElementType, _ shape: [Int]) -> Int? {
        guard let size = try? HostTensor.size(of: type, shape), size.count < countLimit else { return nil }
        return type == .string ? size.count * 16 : size.byteCount
    }

    private func noteSymbolicValues(_ operation: any Operation, _ operands: [ValueID], _ results: [ValueID]) {
        guard let first = results.first, type(of: first).element.isInteger,
            let count = type(of: first).count.constant, count <= Self.symbolicLimit
        else { return }
        let known = operands.map { SymbolicOperand(type: type(of: $0), values: symbolic[$0]) }
        if let values = operation.symbolicValues(known), values.count == count {
            symbolic[first] = values.map(simplify)
        }
    }

    // MARK: Finishing

    /// Ends the graph with these outputs. Nodes that no output needs are left out.
    ///
    /// - Throws: `graph.unknown-state`, `graph.state-type`, `graph.state-twice` for states that do not fit.
    public func finish(outputs: [GraphPort], states: [(input: String, output: String)] = []) throws -> Graph {
        graph.outputs = outputs
        graph.symbols = symbolScope.table
        return try graph.carrying(states).withoutUnusedNodes()
    }
}

/// Evaluation context of folding: no symbol has a value.
struct ConstantContext: EvaluationContext {
    func value(of expression: IntExpr) throws -> Int {
        try expression.evaluate { _ in throw Diagnostic("fold.symbol", "a size is not known yet") }
    }
    func evaluate(_ graph: Graph, _ operands: [HostTensor]) throws -> [HostTensor] {
        try Interpreter(graph).run(operands)
    }
    func bind(_ symbol: Symbol, to value: Int) throws {
        throw Diagnostic("fold.symbol", "a size cannot be bound while folding")
    }
}
