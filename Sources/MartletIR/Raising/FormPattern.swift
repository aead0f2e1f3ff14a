import MartletCore

/// A spelled-out form as a small graph of primitives to be found in a larger one.
struct FormPattern {
    /// What an input of the pattern stands for.
    enum Hole {
        case operand
        case constant
    }

    let form: SpelledForm
    /// Inputs are the form's operands, then its constants; the one output is the form's result.
    let graph: Graph
    /// What the inputs stand for, in order.
    let holes: [Hole]
    /// For each node whether its value depends on no operand: other places may share it.
    let isClosed: [Bool]
    /// For each operation of the pattern whether its two operands may change places.
    let commutes: [Bool]
    /// For each operation of the pattern, its position among those of the graph that is searched; -1 where it has none.
    let operationIDs: [Int32]

    /// The operations, as positions in the searched graph, that make the operands of the result's node.
    private let lastOperands: [Int32]

    /// Records a form; nil where the form does not fit its types or is nothing but an operand.
    init?(_ form: SpelledForm, in index: OperationIndex, symbols: SymbolTable) {
        guard let graph = try? Self.record(form, symbols), case .node = graph.producer(of: graph.outputs[0].value),
            graph.symbols.entries.count == symbols.entries.count
        else { return nil }
        self.form = form
        self.graph = graph
        holes = form.operands.map { _ in .operand } + form.constants.map { _ in .constant }
        isClosed = Self.closedNodes(of: graph)
        commutes = graph.operations.map { ($0 as? Map)?.function.commutes ?? false }
        let operationIDs = graph.operations.map { index[$0] }
        self.operationIDs = operationIDs
        lastOperands = Self.lastOperands(of: graph).map { operationIDs[Int($0)] }
    }

    /// Operations of the operands of the result's node. A view of an operand is left out: it may be folded in the graph.
    private static func lastOperands(of graph: Graph) -> [Int32] {
        graph.operands(of: root(of: graph)).compactMap { operand in
            guard case .node(let node, _) = graph.producer(of: operand), graph.views(makingUp: operand) == nil else {
                return nil
            }
            return graph.nodes[Int(node.index)].operation
        }
    }

    private static func record(_ form: SpelledForm, _ symbols: SymbolTable) throws -> Graph {
        let recorder = Recorder(symbols: symbols)
        let types = form.operands + form.constants.map { TensorType($0, []) }
        let inputs = types.enumerated().map { recorder.input("\($0)", $1) }
        let result = try recorder.record { try form.body(inputs) }
        return try recorder.finish([("result", result)])
    }

    private static func closedNodes(of graph: Graph) -> [Bool] {
        var isClosed: [Bool] = []
        for node in graph.nodeIDs {
            isClosed.append(
                graph.operands(of: node).allSatisfy { operand in
                    guard case .node(let producer, _) = graph.producer(of: operand) else { return false }
                    return isClosed[Int(producer.index)]
                })
        }
        return isClosed
    }

    /// The node of the result.
    private static func root(of graph: Graph) -> NodeID {
        guard case .node(let node, _) = graph.producer(of: graph.outputs[0].value) else { return NodeID(0) }
        return node
    }

    /// Position, in the searched graph, of the operation that the result is made by; -1 where it has none.
    var rootOperation: Int32 { operationIDs[Int(graph.nodes[Int(Self.root(of: graph).index)].operation)] }

    func isInput(_ value: ValueID) -> Bool {
        if case .input = graph.producer(of: value) { return true }
        return false
    }

    /// Whether a node of that operation has operands that the result could be made of: sorts out most nodes at once.
    func mayEnd(in node: NodeID, of searched: Graph) -> Bool {
        lastOperands.allSatisfy { operation in
            searched.operands(of: node).contains { operand in
                guard case .node(let producer, _) = searched.producer(of: operand) else { return false }
                return searched.nodes[Int(producer.index)].operation == operation
            }
        }
    }
}

/// Positions of a graph's operations, by what they are.
struct OperationIndex {
    private struct Key: Hashable {
        let name: String
        let attributes: [Attribute]
    }
    private var positions: [Key: Int32] = [:]

    init(_ graph: Graph) {
        for (position, operation) in graph.operations.enumerated() where operation.isInterned {
            positions[Self.key(operation)] = Int32(position)
        }
    }

    private static func key(_ operation: any Operation) -> Key {
        Key(name: type(of: operation).name, attributes: operation.attributes)
    }

    /// The position of the operation equal to this one; -1 where there is none.
    subscript(operation: any Operation) -> Int32 { positions[Self.key(operation)] ?? -1 }
}
