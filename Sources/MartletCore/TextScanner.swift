/// Reads a text token by token, and knows line and column of every failure.
///
/// Every reading method first skips white space and, unless switched off, comments from `;` or `//` to the end of the
/// line. Methods that return an optional leave the scanner where it was when they return nil.
public struct TextScanner: Sendable {
    private let bytes: [UInt8]
    private let hasComments: Bool
    /// Code of the diagnostics that the scanner makes.
    private let code: String
    /// Offset in bytes of what is read next.
    public private(set) var offset = 0

    /// A scanner of `text`.
    ///
    /// - Parameters:
    ///   - comments: whether `;` and `//` begin a comment.
    ///   - code: the code of the diagnostics that the scanner throws.
    public init(_ text: String, comments: Bool = true, code: String = "text.syntax") {
        self.init(utf8: Array(text.utf8), comments: comments, code: code)
    }

    /// A scanner of text in UTF-8; strings in it that are not well-formed are refused when read.
    public init(utf8 bytes: [UInt8], comments: Bool = true, code: String = "text.syntax") {
        (self.bytes, hasComments, self.code) = (bytes, comments, code)
    }
}

// MARK: - Position

extension TextScanner {
    /// Place of what is read next, with line and column counted from 1, the column in bytes.
    public var place: Place { place(at: offset) }

    /// Place of the byte at `offset`, counted from the beginning of the text: meant for diagnostics.
    public func place(at offset: Int) -> Place {
        let before = bytes.prefix(max(offset, 0))
        let line = before.lazy.filter { $0 == UInt8(ascii: "\n") }.count + 1
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return .text(line: line, column: before.count - lineStart + 1)
    }

    /// A diagnostic at what is read next, or at the byte `offset`.
    public func failure(_ message: String, at offset: Int? = nil, help: String? = nil) -> Diagnostic {
        Diagnostic(code, message, at: place(at: offset ?? self.offset), help: help)
    }

    /// Whether only white space and comments remain.
    public var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return offset >= bytes.count
        }
    }

    /// The next byte after white space and comments; nil at the end.
    public mutating func peek() -> UInt8? {
        skipSpace()
        return byte(0)
    }

    /// Skips white space and comments.
    public mutating func skipSpace() {
        while let next = byte(0) {
            if next == 0x20 || (next >= 0x09 && next <= 0x0D) {
                offset += 1
            } else if hasComments && startsComment(next) {
                while let character = byte(0), character != UInt8(ascii: "\n") { offset += 1 }
            } else {
                return
            }
        }
    }

    private func startsComment(_ next: UInt8) -> Bool {
        next == UInt8(ascii: ";") || (next == UInt8(ascii: "/") && byte(1) == UInt8(ascii: "/"))
    }

    private func byte(_ ahead: Int) -> UInt8? {
        offset + ahead < bytes.count ? bytes[offset + ahead] : nil
    }
}

// MARK: - Words and punctuation

extension TextScanner {
    /// Reads `punctuation` if it comes next.
    public mutating func take(_ punctuation: StaticString) -> Bool {
        skipSpace()
        let wanted = UnsafeBufferPointer(start: punctuation.utf8Start, count: punctuation.utf8CodeUnitCount)
        guard bytes[offset...].starts(with: wanted) else { return false }
        offset += wanted.count
        return true
    }

    /// Reads `punctuation`.
    ///
    /// - Throws: a diagnostic if something else comes next.
    public mutating func expect(_ punctuation: StaticString) throws {
        guard take(punctuation) else { throw failure("expected '\(punctuation)', found \(nextWords)") }
    }

    /// Reads a letter or `_`, and all letters, digits and `_` after it; also `allowed` characters after the first.
    public mutating func identifier(allowing allowed: StaticString = "") -> String? {
        skipSpace()
        guard let first = byte(0), Self.isLetter(first) else { return nil }
        let extra = UnsafeBufferPointer(start: allowed.utf8Start, count: allowed.utf8CodeUnitCount)
        let start = offset
        while let next = byte(0), Self.isLetter(next) || Self.isDigit(next) || extra.contains(next) { offset += 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    /// Reads an identifier.
    ///
    /// - Throws: a diagnostic if something else comes next; it calls the identifier `what`.
    public mutating func expectIdentifier(
        _ what: String = "a name", allowing allowed: StaticString = ""
    ) throws -> String {
        guard let name = identifier(allowing: allowed) else { throw failure("expected \(what), found \(nextWords)") }
        return name
    }

    /// Reads the identifier `word` if it comes next as a whole.
    public mutating func takeWord(_ word: String) -> Bool {
        let start = offset
        if identifier() == word { return true }
        offset = start
        return false
    }

    /// What comes next, for messages.
    public var nextWords: String {
        var copy = self
        guard !copy.isAtEnd else { return "the end" }
        let rest = copy.bytes[copy.offset...].prefix(16).prefix { $0 > 0x20 }
        return "'\(String(decoding: rest, as: UTF8.self))'"
    }

    static func isLetter(_ byte: UInt8) -> Bool {
        byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}

// MARK: - Numbers

extension TextScanner {
    /// Reads a decimal integer, or a hexadecimal one after `0x`, with a sign or without; nil if something else, also a
    /// number with fraction or exponent, comes next.
    ///
    /// - Throws: a diagnostic if the integer does not fit an `Int`.
    public mutating func integer() throws -> Int? {
        skipSpace()
        let literal = numberLiteral()
        guard literal.isInteger, literal.length > 0 else { return nil }
        let text = String(decoding: bytes[offset..<offset + literal.length], as: UTF8.self)
        guard let value = Self.integer(text) else { throw failure("\(text) does not fit 64 bits") }
        offset += literal.length
        return value
    }

    /// Reads an integer.
    ///
    /// - Throws: a diagnostic if something else comes next, or the integer does not fit an `Int`.
    public mutating func expectInteger() throws -> Int {
        guard let value = try integer() else { throw failure("expected an integer, found \(nextWords)") }
        return value
    }

    /// Reads a number: decimal, hexadecimal (`0x1.8p3`), `inf` or `nan`, with a sign or without. Rounded to nearest;
    /// too large a number is infinity.
    public mutating func double() -> Double? {
        skipSpace()
        let length = max(numberLiteral().length, namedNumberLength())
        guard length > 0 else { return nil }
        let text = String(decoding: bytes[offset..<offset + length], as: UTF8.self)
        guard let value = Double(text) else { return nil }
        offset += length
        return value
    }

    /// Length of `inf` or `nan`, with a sign or without, if it comes next as a whole word.
    private func namedNumberLength() -> Int {
        var rest = self
        if byte(0) == UInt8(ascii: "-") || byte(0) == UInt8(ascii: "+") { rest.offset += 1 }
        guard let next = rest.byte(0), Self.isLetter(next) else { return 0 }
        return rest.takeWord("inf") || rest.takeWord("nan") ? rest.offset - offset : 0
    }

    /// Reads a number, as ``double()`` does.
    ///
    /// - Throws: a diagnostic if something else comes next.
    public mutating func expectDouble() throws -> Double {
        guard let value = double() else { throw failure("expected a number, found \(nextWords)") }
        return value
    }

    /// Length of the number that comes next, 0 if none does. A point counts only before a digit, so that `0..<4` begins
    /// with an integer.
    private func numberLiteral() -> (length: Int, isInteger: Bool) {
        var end = byte(0) == UInt8(ascii: "-") || byte(0) == UInt8(ascii: "+") ? 1 : 0
        let isHex = byte(end) == UInt8(ascii: "0") && (byte(end + 1) ?? 0) | 0x20 == UInt8(ascii: "x")
        if isHex { end += 2 }
        let isDigit = isHex ? Self.isHexDigit : Self.isDigit
        let digits = run(from: end, isDigit)
        guard digits > 0 else { return (0, false) }
        end += digits
        var isInteger = true
        if byte(end) == UInt8(ascii: "."), run(from: end + 1, isDigit) > 0 {
            end += 1 + run(from: end + 1, isDigit)
            isInteger = false
        }
        if (byte(end) ?? 0) | 0x20 == UInt8(ascii: isHex ? "p" : "e") {
            let hasSign = byte(end + 1) == UInt8(ascii: "-") || byte(end + 1) == UInt8(ascii: "+")
            let digits = run(from: end + (hasSign ? 2 : 1), Self.isDigit)
            if digits > 0 { (end, isInteger) = (end + (hasSign ? 2 : 1) + digits, false) }
        }
        return (end, isInteger)
    }

    private func run(from start: Int, _ accept: (UInt8) -> Bool) -> Int {
        var length = 0
        while let next = byte(start + length), accept(next) { length += 1 }
        return length
    }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"))
    }

    private static func integer(_ text: String) -> Int? {
        let isNegative = text.hasPrefix("-")
        let digits = text.drop { $0 == "-" || $0 == "+" }
        let isHex = digits.hasPrefix("0x") || digits.hasPrefix("0X")
        let magnitude = isHex ? digits.dropFirst(2) : digits
        return Int((isNegative ? "-" : "") + magnitude, radix: isHex ? 16 : 10)
    }
}

// MARK: - Strings

extension TextScanner {
    /// Reads a string in `"` or `'`, with the escapes `\n \r \t \0 \" \' \\` and `\u{…}`; nil if none comes next.
    ///
    /// - Throws: a diagnostic if the string does not end, has an unknown escape or is not well-formed UTF-8.
    public mutating func string() throws -> String? {
        skipSpace()
        guard let quote = byte(0), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return nil }
        let start = offset
        offset += 1
        var content: [UInt8] = []
        while let next = byte(0), next != quote {
            offset += 1
            if next == UInt8(ascii: "\\") { try readEscape(into: &content) } else { content.append(next) }
        }
        guard byte(0) == quote else { throw failure("the string does not end", at: start) }
        offset += 1
        guard let text = String(validating: content, as: UTF8.self) else {
            throw failure("the string is not well-formed UTF-8", at: start)
        }
        return text
    }

    /// Reads a string, as ``string()`` does.
    ///
    /// - Throws: a diagnostic also if something else comes next.
    public mutating func expectString() throws -> String {
        guard let text = try string() else { throw failure("expected a string, found \(nextWords)") }
        return text
    }

    private mutating func readEscape(into content: inout [UInt8]) throws {
        guard let escape = byte(0) else { return }
        offset += 1
        switch escape {
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "0"): content.append(0)
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): content.append(escape)
        case UInt8(ascii: "u"): content.append(contentsOf: try readScalar().utf8)
        default: throw failure("unknown escape in a string", at: offset - 2)
        }
    }

    private mutating func readScalar() throws -> String {
        let start = offset - 2
        let digits = run(from: 1, Self.isHexDigit)
        let text = String(
            decoding: bytes[min(offset + 1, bytes.count)..<min(offset + 1 + digits, bytes.count)],
            as: UTF8.self)
        let isBraced = byte(0) == UInt8(ascii: "{") && byte(1 + digits) == UInt8(ascii: "}")
        guard isBraced, let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw failure("'\\u' must be followed by the hexadecimal number of a character in braces", at: start)
        }
        offset += digits + 2
        return String(Character(scalar))
    }

    /// `text` as a string literal in `"` that ``string()`` reads back.
    public static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                let isPlain = scalar.value >= 0x20 && scalar.value != 0x7F
                if isPlain {
                    result.unicodeScalars.append(scalar)
                } else {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                }
            }
        }
        return result + "\""
    }
}
