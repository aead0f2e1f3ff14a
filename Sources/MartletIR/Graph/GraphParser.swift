public import MartletCore

extension Graph {
    /// Reads a graph from its text.
    ///
    /// - Parameters:
    ///   - text: what `Graph.text` prints; see there for the grammar.
    ///   - resources: the constants that the text names by hash.
    ///   - registry: the operations that may occur.
    ///   - verified: whether the graph is verified. One that is not may trap when it is evaluated.
    /// - Throws: a diagnostic with line and column; `Diagnostics` where the graph is not sound.
    public init(
        text: String, resources: [String: HostTensor] = [:], registry: OperationRegistry = OperationRegistry(),
        verified: Bool = true
    ) throws {
        var parser = GraphParser(text, resources, registry)
        self = try parser.parse()
        if verified { try verify() }
    }
}

/// Recursive descent over the text of a graph; nested graphs are the only recursion.
private struct GraphParser {
    private static let depthLimit = 64

    private var scanner: TextScanner
    private let resources: [String: HostTensor]
    private let registry: OperationRegistry
    private var symbols = SymbolTable()

    init(_ text: String, _ resources: [String: HostTensor], _ registry: OperationRegistry) {
        scanner = TextScanner(utf8: Self.withoutComments(Array(text.utf8)), comments: false)
        self.resources = resources
        self.registry = registry
    }

    /// The text with comments turned to spaces. The scanner's own comments would take `//` away from size expressions.
    private static func withoutComments(_ text: [UInt8]) -> [UInt8] {
        var bytes = text
        var inString = false
        var inComment = false
        var isEscaped = false
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\n") { inComment = false }
            if inComment {
                bytes[index] = 0x20
            } else if inString {
                if byte == UInt8(ascii: "\""), !isEscaped { inString = false }
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            } else if byte == UInt8(ascii: ";") {
                inComment = true
                bytes[index] = 0x20
            } else if byte == UInt8(ascii: "\"") {
                (inString, isEscaped) = (true, false)
            }
        }
        return bytes
    }

    /// Where the next token begins.
    private mutating func nextOffset() -> Int {
        scanner.skipSpace()
        return scanner.offset
    }

    // MARK: Graphs

    mutating func parse() throws -> Graph {
        guard scanner.takeWord("graph") else { throw scanner.failure("expected 'graph', found \(scanner.nextWords)") }
        try parseSymbols()
        let graph = try parseBody(depth: 0)
        guard scanner.isAtEnd else { throw scanner.failure("expected the end, found \(scanner.nextWords)") }
        return graph
    }

    private mutating func parseSymbols() throws {
        try scanner.expect("(")
        while !scanner.take(")") {
            if !symbols.entries.isEmpty { try scanner.expect(",") }
            let start = nextOffset()
            let name = try scanner.expectIdentifier("the name of a size", allowing: ".")
            guard symbols.symbol(named: name) == nil else {
                throw scanner.failure("'\(name)' is there twice", at: start)
            }
            try scanner.expect(":")
            let lower = try scanner.expectInteger()
            try scanner.expect("...")
            let isOpen = scanner.peek() == UInt8(ascii: ",") || scanner.peek() == UInt8(ascii: ")")
            _ = symbols.add(name, lower: lower, upper: isOpen ? nil : try parseExpression())
        }
    }

    private mutating func parseBody(depth: Int) throws -> Graph {
        guard depth <= Self.depthLimit else { throw scanner.failure("graphs are nested too deep") }
        var body = GraphBody(symbols)
        try scanner.expect("{")
        while !scanner.take("}") {
            let start = nextOffset()
            do {
                try parseLine(into: &body, depth: depth)
            } catch let diagnostic as Diagnostic {
                throw diagnostic.at(scanner.place(at: start))
            }
        }
        return body.graph
    }

    private mutating func parseLine(into body: inout GraphBody, depth: Int) throws {
        if scanner.takeWord("output") {
            let name = try scanner.expectString()
            body.graph.outputs.append(GraphPort(name, try parseOperand(body)))
        } else if scanner.takeWord("state") {
            let input = try scanner.expectString()
            try scanner.expect("->")
            body.graph.states.append((input: input, output: try scanner.expectString()))
        } else if scanner.takeWord("require") {
            let left = try parseExpression()
            try scanner.expect("==")
            let right = try parseExpression()
            body.graph.requirements.append(
                SizeRequirement(left: left, right: right, what: try scanner.expectString()))
        } else {
            try parseNode(into: &body, depth: depth)
        }
    }

    private mutating func parseNode(into body: inout GraphBody, depth: Int) throws {
        var results: [String] = []
        while scanner.take("%") {
            results.append(try parseNumber())
            if !scanner.take(",") { try scanner.expect("=") }
        }
        let start = nextOffset()
        let name = try scanner.expectIdentifier("an operation")
        if name == "input" {
            let port = try scanner.expectString()
            try scanner.expect(":")
            guard results.count == 1 else { throw scanner.failure("an input is one value", at: start) }
            return try body.addInput(port, try parseType(), results[0])
        }
        guard let type = registry[name] else { throw scanner.failure("'\(name)' is no operation", at: start) }
        let attributes = AttributeReader(operation: name, try parseAttributes(depth: depth))
        let operation: any Operation
        do { operation = try type.init(attributes) } catch let diagnostic as Diagnostic {
            throw diagnostic.at(scanner.place(at: start))
        }
        let operands = try parseOperands(body)
        let types = scanner.take(":") ? try parseTypes(atLeast: 1) : []
        guard types.count == results.count else {
            throw scanner.failure("\(results.count) results have \(types.count) types", at: start)
        }
        try body.add(operation, operands, Array(zip(results, types)), origin: try parseOrigin())
    }

    private mutating func parseNumber() throws -> String {
        if let number = try scanner.integer() { return String(number) }
        return try scanner.expectIdentifier("the number of a value")
    }

    private mutating func parseOperand(_ body: GraphBody) throws -> ValueID {
        let start = nextOffset()
        try scanner.expect("%")
        let number = try parseNumber()
        guard let value = body.values[number] else { throw scanner.failure("%\(number) is not made yet", at: start) }
        return value
    }

    private mutating func parseOperands(_ body: GraphBody) throws -> [ValueID] {
        guard scanner.take("(") else { return [] }
        var operands: [ValueID] = []
        while !scanner.take(")") {
            if !operands.isEmpty { try scanner.expect(",") }
            operands.append(try parseOperand(body))
        }
        return operands
    }

    private mutating func parseOrigin() throws -> [String] {
        guard scanner.take("@") else { return [] }
        var names = [try scanner.expectString()]
        while scanner.take(",") { names.append(try scanner.expectString()) }
        return names
    }

    // MARK: Types and sizes

    private mutating func parseType() throws -> TensorType {
        let start = nextOffset()
        let name = try scanner.expectIdentifier("an element type")
        guard let element = ElementType(name: name) else {
            throw scanner.failure("'\(name)' is no element type", at: start)
        }
        return TensorType(element, try parseSizes())
    }

    private mutating func parseTypes(atLeast count: Int) throws -> [TensorType] {
        if count == 0, scanner.peek() == UInt8(ascii: ")") { return [] }
        var types = [try parseType()]
        while scanner.take(",") { types.append(try parseType()) }
        return types
    }

    private mutating func parseSizes() throws -> [IntExpr] {
        try scanner.expect("[")
        var sizes: [IntExpr] = []
        while !scanner.take("]") {
            if !sizes.isEmpty { try scanner.expect(",") }
            sizes.append(try parseExpression())
        }
        return sizes
    }

    /// A size expression, which ends at a comma, bracket, `==` or string outside of its own parentheses.
    private mutating func parseExpression() throws -> IntExpr {
        let start = nextOffset()
        var text = ""
        var depth = 0
        while let part = try expressionPart(&depth) { text += part + " " }
        do {
            return try IntExpr.parse(text) { name in
                guard let symbol = symbols.symbol(named: name) else {
                    throw Diagnostic("text.symbol", "'\(name)' is no size of this graph")
                }
                return symbol
            }
        } catch let diagnostic as Diagnostic {
            throw Diagnostic(diagnostic.code, diagnostic.message, at: scanner.place(at: start))
        }
    }

    /// The next token of an expression; nil at its end.
    private mutating func expressionPart(_ depth: inout Int) throws -> String? {
        if scanner.take("(") {
            depth += 1
            return "("
        }
        if depth > 0 {
            if scanner.take(")") {
                depth -= 1
                return ")"
            }
            if scanner.take(",") { return "," }
        }
        if scanner.take("//") { return "//" }
        for operation: StaticString in ["*", "%", "?"] where scanner.take(operation) { return "\(operation)" }
        if let name = scanner.identifier(allowing: ".") { return name }
        // Signs first: `n -1` is a difference, not two numbers.
        if scanner.take("+") { return "+" }
        if scanner.take("-") { return "-" }
        return try scanner.integer().map(String.init)
    }

    // MARK: Attributes

    private mutating func parseAttributes(depth: Int) throws -> [Attribute] {
        guard scanner.take("{") else { return [] }
        var attributes: [Attribute] = []
        while !scanner.take("}") {
            if !attributes.isEmpty { try scanner.expect(",") }
            let name = try scanner.expectIdentifier("an attribute")
            try scanner.expect("=")
            attributes.append(Attribute(name, try parseValue(depth: depth)))
        }
        return attributes
    }

    private mutating func parseValue(depth: Int) throws -> AttributeValue {
        switch scanner.peek() {
        case UInt8(ascii: "\""): return .text(try scanner.expectString())
        case UInt8(ascii: "["): return .dims(try parseSizes())
        case UInt8(ascii: "{"): return .graph(GraphReference(try parseBody(depth: depth + 1)))
        case UInt8(ascii: "("): return try parseParenthesis()
        default: break
        }
        if let integer = try scanner.integer() { return .int(integer) }
        let word = try scanner.expectIdentifier("the value of an attribute")
        switch word {
        case "true": return .flag(true)
        case "false": return .flag(false)
        case "resource" where scanner.peek() == UInt8(ascii: "\""): return .tensor(ConstantTensor(try parseResource()))
        default: break
        }
        guard let type = ElementType(name: word) else { return .word(word) }
        if scanner.peek() != UInt8(ascii: "[") { return .type(type) }
        return .tensor(ConstantTensor(try TensorText.tensor(type, &scanner)))
    }

    /// `(n + 1)` is a size, `(f32[n], i64[])` and `()` are types.
    private mutating func parseParenthesis() throws -> AttributeValue {
        var ahead = scanner
        _ = ahead.take("(")
        let word = ahead.identifier()
        let areTypes = word == nil ? ahead.take(")") : ahead.take("[")
        try scanner.expect("(")
        let value: AttributeValue = areTypes ? .types(try parseTypes(atLeast: 0)) : .dim(try parseExpression())
        try scanner.expect(")")
        return value
    }

    private mutating func parseResource() throws -> HostTensor {
        let start = nextOffset()
        let name = try scanner.expectString()
        try scanner.expect(":")
        let type = try parseType()
        guard let tensor = resources[name] else {
            throw scanner.failure("resource '\(name)' is not given", at: start)
        }
        guard tensor.type == type.element, tensor.shape == type.staticShape else {
            throw scanner.failure("resource '\(name)' is \(tensor), not \(type.text(\.description))", at: start)
        }
        return tensor
    }
}

/// A graph that is being read, line by line.
private struct GraphBody {
    var graph = Graph()
    /// Values by their names in the text.
    private(set) var values: [String: ValueID] = [:]
    private var originIDs: [[String]: Int32] = [[]: 0]

    init(_ symbols: SymbolTable) { graph.symbols = symbols }

    mutating func addInput(_ name: String, _ type: TensorType, _ number: String) throws {
        let value = try define(number, type, .input(graph.inputs.count))
        graph.inputs.append(GraphPort(name, value))
    }

    mutating func add(
        _ operation: any Operation, _ operands: [ValueID], _ results: [(String, TensorType)], origin: [String]
    ) throws {
        let node = NodeID(graph.nodes.count)
        let first = ValueID(graph.values.count)
        for (index, (number, type)) in results.enumerated() {
            _ = try define(number, type, .node(node, result: index))
        }
        graph.operations.append(operation)
        graph.nodes.append(
            Graph.Node(
                operation: Int32(graph.operations.count - 1), operandStart: Int32(graph.operandPool.count),
                operandCount: Int32(operands.count), firstResult: first, resultCount: Int32(results.count),
                origin: originID(origin)))
        graph.operandPool += operands
    }

    private mutating func define(_ number: String, _ type: TensorType, _ producer: Graph.Producer) throws -> ValueID {
        let value = ValueID(graph.values.count)
        guard values.updateValue(value, forKey: number) == nil else {
            throw Diagnostic("text.syntax", "%\(number) is made twice")
        }
        graph.values.append(Graph.Value(type: type, producer: producer))
        return value
    }

    private mutating func originID(_ names: [String]) -> Int32 {
        if let known = originIDs[names] { return known }
        graph.origins.append(names)
        originIDs[names] = Int32(graph.origins.count - 1)
        return Int32(graph.origins.count - 1)
    }
}
