extension JSONValue: CustomStringConvertible {
    /// The value as JSON on one line, without spaces.
    public var description: String { text() }

    /// The value as JSON. Parsing it again gives the same value, except that numbers that are not finite, which JSON
    /// does not have, are written as `null`.
    ///
    /// - Parameter indent: spaces by which members and elements are set in, each on a line of its own; nil for a
    ///   single line.
    public func text(indent: Int? = nil) -> String {
        var printer = JSONPrinter(indent: indent)
        printer.write(self)
        return printer.text
    }
}

private struct JSONPrinter {
    var text = ""
    let indent: Int?
    var level = 0

    init(indent: Int?) {
        self.indent = indent
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += value.isFinite ? value.description : "null"
        case .string(let value): writeString(value)
        case .array(let elements):
            writeList("[", elements, "]") { $0.write($1) }
        case .object(let object):
            writeList("{", object.members, "}") { printer, member in
                printer.writeString(member.name)
                printer.text += printer.indent == nil ? ":" : ": "
                printer.write(member.value)
            }
        }
    }

    private mutating func writeList<T>(
        _ open: String, _ elements: [T], _ close: String, _ writeElement: (inout JSONPrinter, T) -> Void
    ) {
        text += open
        level += 1
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            breakLine()
            writeElement(&self, element)
        }
        level -= 1
        if !elements.isEmpty { breakLine() }
        text += close
    }

    private mutating func breakLine() {
        guard let indent else { return }
        text += "\n" + String(repeating: " ", count: max(indent, 0) * level)
    }

    private mutating func writeString(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
