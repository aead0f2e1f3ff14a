extension JSONValue {
    /// Arrays and objects inside one another that a text may have.
    public static let maximumDepth = 256

    /// The value that `text` holds.
    ///
    /// - Throws: `json.syntax` at line and column: besides what RFC 8259 forbids also equal names in an object, numbers
    ///   beyond `Double`, and values nested deeper than ``maximumDepth``.
    public init(parsing text: String) throws {
        try self.init(parsing: Array(text.utf8))
    }

    /// The value that a text in UTF-8 holds; see ``init(parsing:)-(String)``.
    ///
    /// - Throws: `json.syntax`.
    public init(parsing utf8: [UInt8]) throws {
        var parser = JSONParser(bytes: utf8)
        self = try parser.document()
    }
}

/// A parser by recursive descent, of bounded depth.
private struct JSONParser {
    let bytes: [UInt8]
    var offset = 0
    var depth = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws -> JSONValue {
        let result = try value()
        skipSpace()
        guard offset == bytes.count else { throw failure("unexpected text after the value") }
        return result
    }

    private mutating func value() throws -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try nested { try $0.object() })
        case UInt8(ascii: "["): return .array(try nested { try $0.array() })
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func nested<R>(_ body: (inout JSONParser) throws -> R) throws -> R {
        guard depth < JSONValue.maximumDepth else { throw failure("values are nested too deep") }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    private mutating func object() throws -> JSONObject {
        var result = JSONObject()
        offset += 1
        if take("}") { return result }
        repeat {
            skipSpace()
            let start = offset
            let name = try string()
            guard result[name] == nil else { throw failure("a second member of the same name", at: start) }
            guard take(":") else { throw failure("expected ':'") }
            result[name] = try value()
        } while take(",")
        guard take("}") else { throw failure("expected ',' or '}'") }
        return result
    }

    private mutating func array() throws -> [JSONValue] {
        var result: [JSONValue] = []
        offset += 1
        if take("]") { return result }
        repeat { result.append(try value()) } while take(",")
        guard take("]") else { throw failure("expected ',' or ']'") }
        return result
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws -> JSONValue {
        let wanted = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard bytes[offset...].starts(with: wanted) else { throw failure("expected a value") }
        offset += wanted.count
        return value
    }
}

// MARK: - Numbers

extension JSONParser {
    /// A number by the grammar of the RFC, which is narrower than what Swift reads.
    private mutating func number() throws -> JSONValue {
        let start = offset
        _ = takeByte("-")
        let first = next
        let digits = skipDigits()
        guard digits > 0, digits == 1 || first != UInt8(ascii: "0") else {
            throw failure("expected a value", at: start)
        }
        var isInteger = true
        if takeByte(".") {
            isInteger = false
            guard skipDigits() > 0 else { throw failure("expected a digit") }
        }
        if takeByte("e") || takeByte("E") {
            isInteger = false
            if !takeByte("+") { _ = takeByte("-") }
            guard skipDigits() > 0 else { throw failure("expected a digit") }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw failure("the number is too large", at: start) }
        return .number(value)
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while let digit = next, TextScanner.isDigit(digit) { offset += 1 }
        return offset - start
    }
}

// MARK: - Strings

extension JSONParser {
    private mutating func string() throws -> String {
        let start = offset
        guard takeByte("\"") else { throw failure("expected a string") }
        var content: [UInt8] = []
        while let character = next, character != UInt8(ascii: "\"") {
            guard character >= 0x20 else { throw failure("a control character in a string") }
            offset += 1
            if character == UInt8(ascii: "\\") { try escape(into: &content) } else { content.append(character) }
        }
        guard takeByte("\"") else { throw failure("the string does not end", at: start) }
        guard let text = String(validating: content, as: UTF8.self) else {
            throw failure("the string is not well-formed UTF-8", at: start)
        }
        return text
    }

    private mutating func escape(into content: inout [UInt8]) throws {
        guard let character = next else { return }
        offset += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(character)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: String(Character(try scalar())).utf8)
        default: throw failure("unknown escape in a string", at: offset - 2)
        }
    }

    /// The character of one `\uXXXX`, or of a surrogate pair of two.
    private mutating func scalar() throws -> Unicode.Scalar {
        let start = offset - 2
        var code = UInt32(try codeUnit())
        if code & 0xFC00 == 0xD800, bytes[offset...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
            offset += 2
            let low = UInt32(try codeUnit())
            guard low & 0xFC00 == 0xDC00 else { throw failure("half of a surrogate pair", at: start) }
            code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair", at: start) }
        return scalar
    }

    private mutating func codeUnit() throws -> UInt16 {
        let digits = bytes[offset...].prefix(4)
        let isHex = digits.allSatisfy { TextScanner.isHexDigit($0) }
        guard digits.count == 4, isHex, let value = UInt16(String(decoding: digits, as: UTF8.self), radix: 16) else {
            throw failure("expected four hexadecimal digits")
        }
        offset += 4
        return value
    }
}

// MARK: - Bytes

extension JSONParser {
    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func takeByte(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        return takeByte(character)
    }

    private func failure(_ message: String, at offset: Int? = nil) -> Diagnostic {
        let place = TextScanner(utf8: bytes).place(at: offset ?? self.offset)
        return Diagnostic("json.syntax", message, at: place)
    }
}
