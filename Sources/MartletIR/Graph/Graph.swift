public import MartletCore

/// Position of a node in its graph.
public struct NodeID: Hashable, Sendable, Comparable {
    public let index: Int32
    public init(_ index: Int) { self.index = Int32(truncatingIfNeeded: index) }
    public static func < (left: NodeID, right: NodeID) -> Bool { left.index < right.index }
}

/// Position of a value in its graph.
public struct ValueID: Hashable, Sendable, Comparable {
    public let index: Int32
    public init(_ index: Int) { self.index = Int32(truncatingIfNeeded: index) }
    public static func < (left: ValueID, right: ValueID) -> Bool { left.index < right.index }
}

/// A named input or output of a graph.
public struct GraphPort: Hashable, Sendable {
    public var name: String
    public var value: ValueID

    public init(_ name: String, _ value: ValueID) {
        self.name = name
        self.value = value
    }
}

/// A computation as a value: arrays of nodes and values addressed by 32-bit ids, nodes in topological order.
///
/// A graph is never edited; a pass builds the next one with `GraphBuilder`.
public struct Graph: Sendable {
    /// One application of an operation.
    public struct Node: Sendable {
        /// Position in `operations`.
        public let operation: Int32
        let operandStart: Int32
        let operandCount: Int32
        /// First result; the others follow.
        public let firstResult: ValueID
        /// Number of results.
        public let resultCount: Int32
        /// Position in `origins`.
        public let origin: Int32
    }

    /// Where a value comes from.
    public enum Producer: Sendable, Hashable {
        case input(Int)
        case node(NodeID, result: Int)
    }

    /// One value.
    public struct Value: Sendable {
        public let type: TensorType
        public let producer: Producer
    }

    /// Distinct operations.
    public internal(set) var operations: [any Operation] = []
    public internal(set) var nodes: [Node] = []
    public internal(set) var values: [Value] = []
    var operandPool: [ValueID] = []
    public internal(set) var inputs: [GraphPort] = []
    public internal(set) var outputs: [GraphPort] = []
    /// Names of the source nodes that nodes came from; entry 0 is the empty list.
    public internal(set) var origins: [[String]] = [[]]
    /// Size symbols; of nested graphs too, which share the table of the outermost.
    public internal(set) var symbols = SymbolTable()
    /// Sizes that must agree when the program runs.
    public internal(set) var requirements: [SizeRequirement] = []
    /// Inputs and outputs whose values are carried from run to run: input name to output name.
    public internal(set) var states: [(input: String, output: String)] = []

    public init() {}

    /// The operands of a node.
    public func operands(of node: NodeID) -> ArraySlice<ValueID> {
        let entry = nodes[Int(node.index)]
        return operandPool[Int(entry.operandStart)..<Int(entry.operandStart + entry.operandCount)]
    }

    /// The results of a node.
    public func results(of node: NodeID) -> [ValueID] {
        let entry = nodes[Int(node.index)]
        return (0..<entry.resultCount).map { ValueID(Int(entry.firstResult.index + $0)) }
    }

    /// The operation of a node.
    public func operation(of node: NodeID) -> any Operation { operations[Int(nodes[Int(node.index)].operation)] }

    /// The type of a value.
    public func type(of value: ValueID) -> TensorType { values[Int(value.index)].type }

    /// Where a value comes from.
    public func producer(of value: ValueID) -> Producer { values[Int(value.index)].producer }

    /// Names of the source nodes of a node.
    public func origins(of node: NodeID) -> [String] { origins[Int(nodes[Int(node.index)].origin)] }

    /// All node ids in topological order.
    public var nodeIDs: some Sequence<NodeID> { (0..<nodes.count).lazy.map { NodeID($0) } }

    /// The constant tensor that a value is, if it is one.
    public func constant(_ value: ValueID) -> HostTensor? {
        guard case .node(let node, _) = producer(of: value) else { return nil }
        return (operation(of: node) as? Constant)?.tensor
    }
}
