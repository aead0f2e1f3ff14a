package import MartletCore

extension ExprProgram {
    /// The value of an entry that is a constant.
    ///
    /// The entry must be in range.
    package func constantValue(of reference: ExprRef) -> Int? {
        guard operations[Int(reference)] == Op.constant.rawValue else { return nil }
        return Int(constants[Int(reference)])
    }

    /// The symbols that entries depend on, in the order of their ids.
    package func symbols(of references: [ExprRef]) -> [Int] {
        var pending = references
        var seen: Set<ExprRef> = []
        var found: Set<Int> = []
        while let entry = pending.popLast() {
            guard operations.indices.contains(Int(entry)), seen.insert(entry).inserted,
                let op = Op(rawValue: operations[Int(entry)])
            else { continue }
            switch op {
            case .constant: break
            case .symbol: found.insert(Int(left[Int(entry)]))
            default: pending += [left[Int(entry)], right[Int(entry)]]
            }
        }
        return found.sorted()
    }

    /// An entry in words. Formulas that are deep or long end in `…`; a reference out of range is `?`.
    func text(of reference: ExprRef, names: [String]) -> String {
        text(Int(reference), names, depth: 0).text
    }

    /// How tightly the parts of a formula hold together; looser parts stand in parentheses.
    private enum Binding: Int { case sum, product, atom }

    private func text(_ index: Int, _ names: [String], depth: Int) -> (text: String, binding: Binding) {
        guard operations.indices.contains(index), let op = Op(rawValue: operations[index]) else { return ("?", .atom) }
        if op == .constant { return (String(constants[index]), .atom) }
        if op == .symbol {
            let symbol = Int(left[index])
            return (names.indices.contains(symbol) ? names[symbol] : "?", .atom)
        }
        guard depth < 8 else { return ("…", .atom) }
        let a = text(Int(left[index]), names, depth: depth + 1)
        let b = text(Int(right[index]), names, depth: depth + 1)
        func part(_ part: (text: String, binding: Binding), _ least: Binding) -> String {
            part.binding.rawValue >= least.rawValue ? part.text : "(\(part.text))"
        }
        switch op {
        case .constant, .symbol: return ("?", .atom)
        case .add: return ("\(part(a, .sum)) + \(part(b, .sum))", .sum)
        case .multiply: return ("\(part(a, .product))*\(part(b, .product))", .product)
        case .floorDivide: return ("\(part(a, .atom))//\(part(b, .atom))", .product)
        case .modulo: return ("\(part(a, .atom))%\(part(b, .atom))", .product)
        case .minimum: return ("min(\(a.text), \(b.text))", .atom)
        case .maximum: return ("max(\(a.text), \(b.text))", .atom)
        }
    }
}
