import MartletCore
import MartletIR

/// A graph or function body that is being imported: how far, and what its names stand for.
///
/// Frames lie on a stack. A graph of a node sees the names of the frames below it, a function's body does not.
struct Frame {
    /// Nodes in order.
    let nodes: [NodeProto]
    /// Names of the results.
    let outputs: [String]
    /// Names that the results get in the frame below; empty for results that nobody wants.
    let resultNames: [String]
    /// Version of each operator set.
    let opsets: [String: Int]
    /// Whether the frame is the body of a function.
    let isFunction: Bool
    /// Attributes of the function's call.
    var attributes: [String: AttributeProto] = [:]
    /// Names of the calls of functions around.
    let path: [String]
    /// Prefix of names that nodes without one are given.
    let label: String
    /// Next node.
    private(set) var position = 0
    /// What the names defined so far stand for.
    private(set) var values: [String: ImportedValue] = [:]

    /// A graph of a node, or the model's own.
    init(graph: GraphProto, resultNames: [String], opsets: [String: Int], path: [String], label: String) {
        nodes = graph.nodes
        outputs = graph.outputs.map(\.name)
        self.resultNames = resultNames
        self.opsets = opsets
        isFunction = false
        self.path = path
        self.label = label
    }

    /// A function's body.
    init(function: FunctionProto, resultNames: [String], path: [String], label: String) {
        nodes = function.nodes
        outputs = function.outputs
        self.resultNames = resultNames
        opsets = OpsetImports.table(function.opsetImports)
        isFunction = true
        self.path = path
        self.label = label
    }

    /// The next node and its number, which is passed.
    mutating func next() -> (number: Int, node: NodeProto)? {
        guard position < nodes.count else { return nil }
        position += 1
        return (position - 1, nodes[position - 1])
    }

    /// Gives a name its value.
    ///
    /// - Throws: `onnx.duplicate-value` if it has one.
    mutating func define(_ name: String, _ value: ImportedValue) throws {
        if name.isEmpty { return }
        guard values.updateValue(value, forKey: name) == nil else {
            throw Diagnostic("onnx.duplicate-value", "'\(name)' is defined twice in one graph")
        }
    }

    /// The name of a node, or one that is made up for it.
    func name(of node: NodeProto, number: Int) -> String {
        node.name.isEmpty ? "\(label)\(node.opType)_\(number)" : node.name
    }
}

/// Versions of operator sets by domain.
enum OpsetImports {
    static func table(_ imports: [OperatorSetIdProto]) -> [String: Int] {
        Dictionary(
            imports.map { ($0.domain == "ai.onnx" ? "" : $0.domain, Int($0.version)) },
            uniquingKeysWith: { max($0, $1) })
    }
}

extension [Frame] {
    /// What a name stands for in the innermost frame.
    func value(of name: String) -> ImportedValue? {
        for frame in reversed() {
            if let value = frame.values[name] { return value }
            if frame.isFunction { return nil }
        }
        return nil
    }

    /// The problem of a name that stands for nothing.
    func undefined(_ name: String) -> Diagnostic {
        for frame in reversed() {
            if frame.nodes.contains(where: { $0.outputs.contains(name) }) {
                return Diagnostic(
                    "onnx.node-order", "'\(name)' is used before the node that computes it",
                    help: "nodes of a graph must stand in topological order")
            }
            if frame.isFunction { break }
        }
        return Diagnostic("onnx.undefined-value", "'\(name)' is neither an input, nor an initializer, nor computed")
    }
}
