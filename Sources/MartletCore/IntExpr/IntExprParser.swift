extension IntExpr {
    /// Reads what `text` prints: sums, products, `//`, `%`, `min(a, b, …)`, `max(a, b, …)`, parentheses, decimal
    /// numbers, and names, which `symbol` turns into symbols. `*`, `//` and `%` bind alike, from the left.
    ///
    /// Throws `size.syntax` for any other text and where operands are nested more than 200 deep,
    /// `size.overflow` for a number beyond `Int`, and what `symbol` throws.
    public static func parse(_ text: String, _ symbol: (String) throws -> Symbol) throws -> IntExpr {
        var parser = Parser(bytes: Array(text.utf8))
        let result = try parser.sum(depth: 0, symbol)
        guard parser.peek() == nil else { throw parser.expected("the end of the expression") }
        return result
    }

    /// Reads an expression with symbols written as `s12` and `a3`.
    public static func parse(_ text: String) throws -> IntExpr {
        try parse(text) { name in
            guard let symbol = Symbol(name) else {
                throw Diagnostic("size.syntax", "'\(name)' is not the name of a size or axis")
            }
            return symbol
        }
    }
}

/// Recursive descent over bytes.
private struct Parser {
    typealias Naming = (String) throws -> Symbol

    let bytes: [UInt8]
    var position = 0

    static let depthLimit = 200

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func expected(_ what: String) -> Diagnostic {
        Diagnostic("size.syntax", "expected \(what)", at: .text(line: 1, column: position + 1))
    }

    /// The next byte that is not a space, which stays unread.
    mutating func peek() -> UInt8? {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ token: StaticString) -> Bool {
        guard peek() != nil, position + token.utf8CodeUnitCount <= bytes.count else { return false }
        let matches = token.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + $0.count]) }
        if matches { position += token.utf8CodeUnitCount }
        return matches
    }

    mutating func sum(depth: Int, _ symbol: Naming) throws -> IntExpr {
        var summands = [try product(depth: depth, symbol)]
        while true {
            if take("+") {
                summands.append(try product(depth: depth, symbol))
            } else if take("-") {
                summands.append(-(try product(depth: depth, symbol)))
            } else {
                return .sum(summands)
            }
        }
    }

    private mutating func product(depth: Int, _ symbol: Naming) throws -> IntExpr {
        var result = try operand(depth: depth, symbol)
        while true {
            if take("*") {
                result *= try operand(depth: depth, symbol)
            } else if take("//") {
                result = result.floorDivided(by: try operand(depth: depth, symbol))
            } else if take("%") {
                result = result.modulo(try operand(depth: depth, symbol))
            } else {
                return result
            }
        }
    }

    private mutating func operand(depth: Int, _ symbol: Naming) throws -> IntExpr {
        guard depth < Self.depthLimit else {
            throw Diagnostic("size.syntax", "expression is nested too deep", at: .text(line: 1, column: position + 1))
        }
        guard let next = peek() else { throw expected("an operand") }
        if take("-") {
            if let digit = peek(), isDigit(digit) { return IntExpr(try number(isNegative: true)) }
            return -(try operand(depth: depth + 1, symbol))
        }
        if take("?") { return .tooLarge }
        if take("(") {
            let inner = try sum(depth: depth + 1, symbol)
            guard take(")") else { throw expected("')'") }
            return inner
        }
        if isDigit(next) { return IntExpr(try number(isNegative: false)) }
        let name = try name()
        let kind: Compound.Kind? = name == "min" ? .minimum : name == "max" ? .maximum : nil
        guard let kind, take("(") else { return IntExpr(try symbol(name)) }
        return try call(kind, depth: depth + 1, symbol)
    }

    private mutating func call(_ kind: Compound.Kind, depth: Int, _ symbol: Naming) throws -> IntExpr {
        var operands = [try sum(depth: depth, symbol)]
        while take(",") { operands.append(try sum(depth: depth, symbol)) }
        guard take(")") else { throw expected("')'") }
        return IntExpr.extremum(kind, operands)
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private mutating func number(isNegative: Bool) throws -> Int {
        var value = 0
        while position < bytes.count, isDigit(bytes[position]) {
            let digit = Int(bytes[position] - UInt8(ascii: "0"))
            value = try value.timesChecked(10).plusChecked(isNegative ? -digit : digit)
            position += 1
        }
        return value
    }

    /// Letters, digits, `_`, `.` and bytes beyond ASCII, not beginning with a digit.
    private mutating func name() throws -> String {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
            guard isLetter || isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte >= 0x80
            else { break }
            position += 1
        }
        guard position > start else { throw expected("an operand") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}
