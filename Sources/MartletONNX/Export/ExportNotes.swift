import MartletCore
import MartletIR

/// The note of a node that says which source nodes it comes from, where its name alone does not.
///
/// A source node may become several nodes, and names of nodes must differ.
enum NodeOrigin {
    private static let key = "martlet.origin"

    /// The note: names from outer to inner, a line each.
    static func entry(_ origin: [String]) -> StringStringEntryProto {
        StringStringEntryProto(key: key, value: origin.joined(separator: "\n"))
    }

    /// What the note of a node says, if it has one.
    static func names(of node: NodeProto) -> [String]? {
        guard let entry = node.metadata.first(where: { $0.key == key }), !entry.value.isEmpty else { return nil }
        return entry.value.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}

/// The note of a model's graph that holds what is known of its sizes and what ONNX has no place for: ranges of size
/// symbols, and sizes that must be equal.
///
///     range n 192 703
///     range m 1
///     equal n*2 == m + 1 : what must agree
struct SizeNotes {
    private static let key = "martlet.sizes"

    /// The range of a symbol that is an extent of an input.
    struct Range {
        var name: String
        var lower: Int
        var upper: Int?
    }

    /// Sizes that must be equal, as texts.
    struct Equality {
        var left: String, right: String
        var what: String
    }

    private(set) var ranges: [Range] = []
    private(set) var equalities: [Equality] = []

    /// What is known in a graph.
    init(of graph: Graph) {
        let inputs = Set(graph.inputTypes.flatMap { $0.shape.flatMap(\.symbols) })
        let name = graph.symbols.name(of:)
        for symbol in inputs.sorted() where graph.symbols.entries.indices.contains(symbol.number) {
            let entry = graph.symbols.entries[symbol.number]
            let upper = graph.symbols.ranges[symbol].upper
            let isPlain = entry.lower == 0 && upper == nil
            if !isPlain, !entry.name.contains(where: \.isWhitespace) {
                ranges.append(Range(name: entry.name, lower: entry.lower, upper: upper))
            }
        }
        for requirement in graph.requirements
        where inputs.isSuperset(of: requirement.left.symbols + requirement.right.symbols) {
            let (left, right) = (requirement.left.text(name), requirement.right.text(name))
            equalities.append(
                Equality(left: left, right: right, what: requirement.what.split(separator: "\n").joined(separator: " "))
            )
        }
    }

    /// What the note of a graph says; lines that are none of ours are passed over.
    init(readFrom graph: GraphProto) {
        let text = graph.metadata.first { $0.key == Self.key }?.value ?? ""
        for line in text.split(separator: "\n") { read(line) }
    }

    private mutating func read(_ line: Substring) {
        let words = line.split(separator: " ")
        if words.first == "range", (3...4).contains(words.count), let lower = Int(words[2]), lower >= 0 {
            let upper = words.count > 3 ? Int(words[3]) : nil
            if upper ?? .max >= lower { ranges.append(Range(name: String(words[1]), lower: lower, upper: upper)) }
        } else if words.first == "equal", let sign = words.firstIndex(of: "=="), let end = words.firstIndex(of: ":") {
            equalities.append(
                Equality(
                    left: words[1..<sign].joined(separator: " "), right: words[(sign + 1)..<end].joined(separator: " "),
                    what: words[(end + 1)...].joined(separator: " ")))
        }
    }

    /// The ranges by names of symbols.
    var bounds: [String: Bounds] {
        Dictionary(ranges.map { ($0.name, Bounds(lower: $0.lower, upper: $0.upper)) }, uniquingKeysWith: { $1 })
    }

    /// Requires of the sizes of a graph, whose inputs are there, what the note says. Unknown symbols are passed over.
    func require(in recorder: Recorder) throws {
        let table = recorder.symbols
        func parsed(_ text: String) -> IntExpr? {
            try? IntExpr.parse(text) { name in
                guard let symbol = table.symbol(named: name) else { throw Diagnostic("onnx.size", "no size '\(name)'") }
                return symbol
            }
        }
        for equality in equalities {
            guard let left = parsed(equality.left), let right = parsed(equality.right) else { continue }
            try recorder.require(left, equals: right, equality.what)
        }
    }

    /// The note; none if there is nothing to say.
    var entries: [StringStringEntryProto] {
        let lines =
            ranges.map { "range \($0.name) \($0.lower)" + ($0.upper.map { " \($0)" } ?? "") }
            + equalities.map { "equal \($0.left) == \($0.right) : \($0.what)" }
        return lines.isEmpty ? [] : [StringStringEntryProto(key: Self.key, value: lines.joined(separator: "\n"))]
    }
}

extension Graph {
    /// Last names of the source nodes of all nodes, nested ones included.
    var originNames: Set<String> {
        var names: Set<String> = []
        var pending = [self]
        while let graph = pending.popLast() {
            names.formUnion(graph.origins.compactMap(\.last))
            pending += graph.operations.flatMap(\.regions)
        }
        return names
    }
}
