/// Writes the tables of an engine: integers as LEB128, strings by number in a table of their own.
struct TableWriter {
    private(set) var bytes: [UInt8] = []
    private(set) var strings: [String] = []
    private var stringNumbers: [String: Int] = [:]

    mutating func unsigned(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Zigzag, so that small negative numbers are short as well.
    mutating func signed(_ value: Int) {
        unsigned(UInt64(bitPattern: Int64(value << 1) ^ Int64(value >> 63)))
    }

    mutating func flag(_ value: Bool) {
        bytes.append(value ? 1 : 0)
    }

    mutating func byte(_ value: UInt8) {
        bytes.append(value)
    }

    mutating func string(_ text: String) {
        if let number = stringNumbers[text] {
            unsigned(UInt64(number))
            return
        }
        stringNumbers[text] = strings.count
        unsigned(UInt64(strings.count))
        strings.append(text)
    }

    /// The text itself, in place.
    mutating func inlineString(_ text: String) {
        unsigned(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func list<Element>(_ elements: [Element], _ write: (inout TableWriter, Element) -> Void) {
        unsigned(UInt64(elements.count))
        for element in elements { write(&self, element) }
    }

    mutating func optional<Value>(_ value: Value?, _ write: (inout TableWriter, Value) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }

    /// The string table followed by everything written.
    func finished() -> [UInt8] {
        var head = TableWriter()
        head.list(strings) { $0.inlineString($1) }
        return head.bytes + bytes
    }
}
