/// The text form of a kernel, which `init(text:)` reads back:
///
/// ```
/// kernel double (%0: ptr, %1: ptr, %2: i64, %3: i64, %4: ptr) {
///   %5: i64 = constant [8]
///   %6: ptr = address %0, %5
///   %7: ptr = load [8] %6
///   loop %2, %3, %5 (%8: i64) {
///     …
///     yield
///   }
/// }
/// ```
///
/// Results and region parameters carry their types; integers of an opcode stand in brackets. Comments begin with `;`.
extension VectorFunction {
    /// The kernel as text.
    public var text: String {
        var printer = VectorTextPrinter(function: self)
        printer.print(self)
        return printer.lines.joined(separator: "\n") + "\n"
    }
}

/// Writes the text form line by line.
private struct VectorTextPrinter {
    let function: VectorFunction
    var lines: [String] = []
    private var depth = 1

    init(function: VectorFunction) { self.function = function }

    mutating func print(_ function: VectorFunction) {
        lines.append("kernel \(function.name) (\(typed(function.body.parameters))) {")
        print(function.body)
        lines.append("}")
    }

    private func typed(_ registers: [Register]) -> String {
        registers.map { "\($0): \(type($0))" }.joined(separator: ", ")
    }

    /// Also of kernels that are not valid the text can be looked at.
    private func type(_ register: Register) -> String {
        function.types.indices.contains(Int(register.id)) ? function.type(of: register).description : "?"
    }

    private mutating func line(_ text: String) {
        lines.append(String(repeating: "  ", count: depth) + text)
    }

    private mutating func print(_ region: Region) {
        for instruction in region.body { print(instruction) }
        if depth > 1 || !region.yields.isEmpty { line(joined(["yield", list(region.yields)])) }
    }

    private mutating func print(_ instruction: Instruction) {
        let head = instruction.results.isEmpty ? "" : typed(instruction.results) + " ="
        let words = joined([
            head, instruction.opcode.mnemonic, attributes(instruction), list(instruction.operands),
        ])
        guard !instruction.regions.isEmpty else { return line(words + note(instruction)) }
        for (number, region) in instruction.regions.enumerated() {
            let parameters = region.parameters.isEmpty ? "" : "(\(typed(region.parameters)))"
            line(joined([number == 0 ? words : "} else", parameters, "{"]))
            depth += 1
            print(region)
            depth -= 1
        }
        line("}")
    }

    private func attributes(_ instruction: Instruction) -> String {
        let values = instruction.opcode.attributes
        return values.isEmpty ? "" : "[\(values.map(String.init).joined(separator: ", "))]"
    }

    /// The value of a floating-point constant, for the reader.
    private func note(_ instruction: Instruction) -> String {
        guard case .constant(let bits) = instruction.opcode, let result = instruction.results.first,
            function.types.indices.contains(Int(result.id))
        else { return "" }
        switch function.type(of: result).scalar {
        case .f32: return "  ; \(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))"
        case .f64: return "  ; \(Double(bitPattern: bits))"
        default: return ""
        }
    }

    private func list(_ registers: [Register]) -> String { registers.map(\.description).joined(separator: ", ") }

    private func joined(_ words: [String]) -> String { words.filter { !$0.isEmpty }.joined(separator: " ") }
}
