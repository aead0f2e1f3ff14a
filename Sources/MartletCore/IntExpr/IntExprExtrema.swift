extension IntExpr {
    /// The smaller of two.
    public static func min(_ a: IntExpr, _ b: IntExpr) -> IntExpr {
        extremum(.minimum, [a, b])
    }

    /// The larger of two.
    public static func max(_ a: IntExpr, _ b: IntExpr) -> IntExpr {
        extremum(.maximum, [a, b])
    }

    /// Minimum or maximum: flattened, in order, one operand for all that differ by a constant.
    static func extremum(_ kind: Compound.Kind, _ operands: [IntExpr]) -> IntExpr {
        if operands.contains(where: \.isTooLarge) { return tooLarge }
        var kept: [IntExpr] = []
        for operand in operands.flatMap({ $0.operands(of: kind) }) {
            guard let index = kept.firstIndex(where: { Polynomial.equal($0.node, operand.node) }) else {
                kept.append(operand)
                if kept.count > Polynomial.weightLimit / 4 { return tooLarge }
                continue
            }
            let isBetter = kind == .minimum ? operand.offset < kept[index].offset : operand.offset > kept[index].offset
            if isBetter { kept[index] = operand }
        }
        if kept.count == 1 { return kept[0] }
        kept.sort { order($0, $1) < 0 }
        return compound(kind, kept)
    }

    /// The operands if the expression is a lone minimum or maximum of this kind, else the expression itself.
    private func operands(of kind: Compound.Kind) -> [IntExpr] {
        guard let compound = loneCompound, compound.kind == kind else { return [self] }
        return compound.operands
    }

    /// The compound if the expression is nothing else.
    var loneCompound: Compound? {
        guard offset == 0, terms.count == 1, terms[0].coefficient == 1, terms[0].monomial.degree == 1,
            case .compound(let compound) = terms[0].monomial.first
        else { return nil }
        return compound
    }
}
