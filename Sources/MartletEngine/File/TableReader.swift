import MartletCore

/// Reads what `TableWriter` wrote, from memory that may hold anything.
///
/// Invariant: `position <= bytes.count`; every read checks what is left first, and a count is believed only if that
/// many elements of at least one byte can still follow. The memory must outlive the reader, which never escapes the
/// function that made it.
struct TableReader {
    private let bytes: UnsafeRawBufferPointer
    private let section: String
    private var position = 0
    private var strings: [String] = []

    /// A reader of `bytes`, named `section` in messages, which starts with a string table.
    init(_ bytes: UnsafeRawBufferPointer, section: String) throws {
        self.bytes = bytes
        self.section = section
        strings = try list { try $0.inlineString() }
    }

    var isAtEnd: Bool { position == bytes.count }

    /// The error for data that cannot have been written by us.
    func damaged(_ what: String) -> Diagnostic {
        EngineFile.damaged(section: section, what)
    }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw damaged("it ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func unsigned() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 {
                guard shift < 63 || next <= 1 else { break }
                return value
            }
        }
        throw damaged("a number is too long")
    }

    mutating func signed() throws -> Int {
        let value = try unsigned()
        return Int(truncatingIfNeeded: Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1))
    }

    /// A number in `0...Int.max`.
    mutating func natural() throws -> Int {
        guard let value = Int(exactly: try unsigned()) else { throw damaged("a number is too large") }
        return value
    }

    /// A reference to an expression; whether the expression exists is for the validation.
    mutating func expression() throws -> ExprRef {
        guard let value = ExprRef(exactly: try unsigned()) else { throw damaged("an expression number is too large") }
        return value
    }

    mutating func flag() throws -> Bool {
        switch try byte() {
        case 0: false
        case 1: true
        default: throw damaged("a flag is neither 0 nor 1")
        }
    }

    mutating func string() throws -> String {
        let number = try unsigned()
        guard number < UInt64(strings.count) else { throw damaged("a string number is out of range") }
        return strings[Int(number)]
    }

    mutating func inlineString() throws -> String {
        let count = try natural()
        guard count <= bytes.count - position else { throw damaged("a string is longer than the section") }
        defer { position += count }
        return String(decoding: bytes[position..<position + count], as: UTF8.self)
    }

    mutating func list<Element>(_ read: (inout TableReader) throws -> Element) throws -> [Element] {
        let count = try natural()
        guard count <= bytes.count - position else { throw damaged("a list is longer than the section") }
        var elements: [Element] = []
        elements.reserveCapacity(Swift.min(count, 4096))
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    mutating func optional<Value>(_ read: (inout TableReader) throws -> Value) throws -> Value? {
        try flag() ? read(&self) : nil
    }
}
