extension IntExpr: CustomStringConvertible {
    /// The expression as text, with symbols as `s12` and `a3`.
    public var description: String { text(\.description) }

    /// The expression as text that `parse` reads back: `n*4 + 2`, `(n + 1) // 2`, `n % 4`, `min(a, b)`, `max(a, b)`;
    /// `tooLarge` prints as `?`.
    public func text(_ name: (Symbol) -> String) -> String {
        if isTooLarge { return "?" }
        var text = ""
        for term in terms { text.appendSummand(term.text(name), isNegative: term.isPrintedNegative) }
        if offset == 0 && !text.isEmpty { return text }
        if offset == .min || text.isEmpty {
            text.appendSummand(String(offset), isNegative: false)
        } else {
            text.appendSummand(String(offset.magnitude), isNegative: offset < 0)
        }
        return text
    }

    /// The text in parentheses unless it is one name, number or call.
    fileprivate func operandText(_ name: (Symbol) -> String) -> String {
        let text = text(name)
        let isPlain: Bool
        if let constant {
            isPlain = constant >= 0
        } else if offset != 0 || terms.count != 1 || terms[0].coefficient != 1 || terms[0].monomial.degree != 1 {
            isPlain = false
        } else {
            isPlain = terms[0].monomial.first.isPlain
        }
        return isPlain ? text : "(" + text + ")"
    }
}

extension String {
    fileprivate mutating func appendSummand(_ summand: String, isNegative: Bool) {
        if isEmpty { self = (isNegative ? "-" : "") + summand } else { self += (isNegative ? " - " : " + ") + summand }
    }
}

extension Term {
    /// Int.min has no magnitude and is printed as a factor with its sign.
    fileprivate var isPrintedNegative: Bool { coefficient < 0 && coefficient != .min }

    fileprivate func text(_ name: (Symbol) -> String) -> String {
        let factor = coefficient == .min ? String(coefficient) : String(coefficient.magnitude)
        if monomial.degree == 1 && coefficient == 1 { return monomial.first.text(name) }
        var text = (0..<monomial.degree).map { index in
            let atom = monomial[index]
            return atom.isPlain ? atom.text(name) : "(" + atom.text(name) + ")"
        }.joined(separator: "*")
        if factor != "1" { text += "*" + factor }
        return text
    }
}

extension Atom {
    /// Whether the text needs no parentheses as an operand.
    fileprivate var isPlain: Bool {
        guard case .compound(let compound) = self else { return true }
        return compound.kind == .minimum || compound.kind == .maximum
    }

    fileprivate func text(_ name: (Symbol) -> String) -> String {
        guard case .compound(let compound) = self else {
            if case .symbol(let symbol) = self { return name(symbol) }
            return ""
        }
        let operands = compound.operands
        switch compound.kind {
        case .floorDivide: return operands[0].operandText(name) + " // " + operands[1].operandText(name)
        case .modulo: return operands[0].operandText(name) + " % " + operands[1].operandText(name)
        case .minimum: return "min(" + operands.map { $0.text(name) }.joined(separator: ", ") + ")"
        case .maximum: return "max(" + operands.map { $0.text(name) }.joined(separator: ", ") + ")"
        }
    }
}
