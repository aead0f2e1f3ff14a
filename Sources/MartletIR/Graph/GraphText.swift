public import MartletCore

// The text of a graph. `;` begins a comment.
//
//     graph (n: 1..., s: 1...512) {
//       %0 = input "ids" : i64[n, s]
//       %1 = constant {value = f32[2] [1.0, 2.0]} : f32[2]
//       %2 = reduce {op = sum, axes = [1]} (%0) : i64[n] @ "node name"
//       require n == s "what must agree"
//       state "past" -> "present"
//       output "y" %2
//     }
//
// Attributes: integers, `[lists]`, `(sizes)`, `(f32[n], i64[])` types, words, `"texts"`, `true`, tensors, `{ graphs }`.
// Values are numbered in the order in which they are printed. A constant of more than 64 elements prints as
// `resource "hash" : f32[1000]`; `Graph.resources` gives these tensors by their hashes.

extension Graph {
    /// Constants above this many elements are not printed.
    static let textElementLimit = 64

    /// The graph as a text that `Graph(text:resources:)` reads back. Equal texts mean equal graphs.
    public var text: String {
        var printer = GraphPrinter(symbols)
        printer.printOutermost(self)
        return printer.text
    }

    /// The constants that `text` leaves out, in this graph and nested ones, by the names they have there.
    public var resources: [String: HostTensor] {
        var found: [String: HostTensor] = [:]
        var pending = [self]
        while let graph = pending.popLast() {
            for operation in graph.operations {
                pending += operation.regions
                for case .tensor(let constant) in operation.attributes.map(\.value)
                where constant.tensor.count > Self.textElementLimit {
                    found[Self.resourceName(constant.tensor)] = constant.tensor
                }
            }
        }
        return found
    }

    static func resourceName(_ tensor: HostTensor) -> String {
        var hash = StableHash()
        hash.combine(tensor)
        return hash.description
    }
}

extension Graph: CustomStringConvertible {
    /// The text of the graph.
    public var description: String { text }
}

private struct GraphPrinter {
    private(set) var text = ""
    private let names: [String]
    private let table: SymbolTable

    init(_ table: SymbolTable) {
        self.table = table
        names = Self.printableNames(table)
    }

    /// Names of the table with only letters, digits, `_` and `.`, all different.
    private static func printableNames(_ table: SymbolTable) -> [String] {
        var taken: Set<String> = []
        return table.entries.map { entry in
            var name = String(entry.name.unicodeScalars.map { isPlain($0) ? Character($0) : "_" })
            if name.isEmpty || !(name.first?.isLetter ?? false || name.first == "_") { name = "_" + name }
            var unique = name
            var number = 1
            while !taken.insert(unique).inserted {
                unique = "\(name)_\(number)"
                number += 1
            }
            return unique
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_.".unicodeScalars.contains(scalar))
    }

    private func name(_ symbol: Symbol) -> String {
        names.indices.contains(Int(symbol.id)) ? names[Int(symbol.id)] : symbol.description
    }

    // MARK: Graphs

    mutating func printOutermost(_ graph: Graph) {
        let symbols = zip(names, table.entries).map { name, entry in
            "\(name): \(entry.lower)...\(entry.upper?.text(self.name) ?? "")"
        }
        text += "graph (\(symbols.joined(separator: ", "))) "
        printBody(graph, indent: "")
        text += "\n"
    }

    private mutating func printBody(_ graph: Graph, indent: String) {
        text += "{\n"
        let numbers = Self.numbers(graph)
        func id(_ value: ValueID) -> String {
            let index = Int(value.index)
            return numbers.indices.contains(index) ? "%\(numbers[index])" : "%?"
        }
        let inner = indent + "  "
        for port in graph.inputs {
            let quoted = TextScanner.quoted(port.name)
            text += "\(inner)\(id(port.value)) = input \(quoted) : \(graph.type(of: port.value).text(name))\n"
        }
        for node in graph.nodeIDs { printNode(graph, node, inner, id) }
        for requirement in graph.requirements {
            let sizes = "\(requirement.left.text(name)) == \(requirement.right.text(name))"
            text += "\(inner)require \(sizes) \(TextScanner.quoted(requirement.what))\n"
        }
        for state in graph.states {
            text += "\(inner)state \(TextScanner.quoted(state.input)) -> \(TextScanner.quoted(state.output))\n"
        }
        for port in graph.outputs { text += "\(inner)output \(TextScanner.quoted(port.name)) \(id(port.value))\n" }
        text += indent + "}"
    }

    /// Numbers of values in the order of printing: inputs first.
    private static func numbers(_ graph: Graph) -> [Int] {
        var numbers = [Int](repeating: -1, count: graph.values.count)
        var next = 0
        for value in graph.inputs.map(\.value) + graph.nodeIDs.flatMap({ graph.results(of: $0) }) {
            numbers[Int(value.index)] = next
            next += 1
        }
        return numbers
    }

    private mutating func printNode(_ graph: Graph, _ node: NodeID, _ indent: String, _ id: (ValueID) -> String) {
        let operation = graph.operation(of: node)
        let results = graph.results(of: node)
        text += indent
        if !results.isEmpty { text += results.map(id).joined(separator: ", ") + " = " }
        text += type(of: operation).name
        printAttributes(operation.attributes, indent)
        let operands = graph.operands(of: node)
        if !operands.isEmpty { text += " (\(operands.map(id).joined(separator: ", ")))" }
        if !results.isEmpty {
            text += " : " + results.map { graph.type(of: $0).text(name) }.joined(separator: ", ")
        }
        let origins = graph.origins(of: node)
        if !origins.isEmpty { text += " @ " + origins.map(TextScanner.quoted).joined(separator: ", ") }
        text += "\n"
    }

    // MARK: Attributes

    private mutating func printAttributes(_ attributes: [Attribute], _ indent: String) {
        guard !attributes.isEmpty else { return }
        text += " {"
        for (position, attribute) in attributes.enumerated() {
            text += position == 0 ? "" : ", "
            text += attribute.name + " = "
            if case .graph(let reference) = attribute.value {
                printBody(reference.graph, indent: indent)
            } else {
                text += value(attribute.value)
            }
        }
        text += "}"
    }

    private func value(_ value: AttributeValue) -> String {
        switch value {
        case .int(let value): String(value)
        case .ints(let list): "[\(list.map(String.init).joined(separator: ", "))]"
        case .dim(let expression): "(\(expression.text(name)))"
        case .dims(let list): "[\(list.map { $0.text(name) }.joined(separator: ", "))]"
        case .type(let type): type.name
        case .types(let types): "(\(types.map { $0.text(name) }.joined(separator: ", ")))"
        case .word(let word): word
        case .text(let text): TextScanner.quoted(text)
        case .flag(let flag): flag ? "true" : "false"
        case .tensor(let constant): tensor(constant.tensor)
        case .graph: ""
        }
    }

    private func tensor(_ tensor: HostTensor) -> String {
        guard tensor.count > Graph.textElementLimit else { return TensorText.text(tensor) }
        let type = TensorType(tensor.type, tensor.shape.map { IntExpr($0) })
        return "resource \"\(Graph.resourceName(tensor))\" : \(type.text(name))"
    }
}
