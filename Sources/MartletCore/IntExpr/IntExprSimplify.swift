extension IntExpr {
    /// The expression rewritten with what ranges tell: quotients and remainders that are decided or can be split,
    /// minima and maxima with a known winner, symbols of one value, and quotient and remainder that make up their
    /// dividend. Holds for values within the ranges. Applying it again changes nothing.
    public func simplified(_ ranges: SymbolRanges) -> IntExpr {
        let simplifier = Simplifier(ranges: ranges)
        var current = self
        for _ in 0..<32 {
            let next = simplifier.simplify(current)
            if next == current { return current }
            current = next
        }
        return current
    }
}

/// One sweep of rewriting, innermost first.
private struct Simplifier {
    let ranges: SymbolRanges

    func simplify(_ e: IntExpr) -> IntExpr {
        let mapped = e.mappingAtoms { atom in
            switch atom {
            case .symbol(let symbol): return IntervalReader(ranges: ranges).interval(symbol).single.map { IntExpr($0) }
            case .compound(let compound): return simplify(compound)
            }
        }
        return mapped.node.map { $0.depth > 0 } ?? false ? recombining(mapped) : mapped
    }

    /// nil if nothing changes.
    private func simplify(_ compound: Compound) -> IntExpr? {
        let operands = compound.operands.map(simplify)
        guard operands != compound.operands else { return decide(compound) }
        return compound.rebuilt(with: operands).mappingAtoms { atom in
            guard case .compound(let inner) = atom else { return nil }
            return decide(inner)
        }
    }

    private func decide(_ compound: Compound) -> IntExpr? {
        switch compound.kind {
        case .floorDivide, .modulo: decideDivision(compound)
        case .minimum, .maximum: decideExtremum(compound)
        }
    }

    // MARK: Minimum and maximum

    private func decideExtremum(_ compound: Compound) -> IntExpr? {
        var kept: [IntExpr] = []
        for operand in compound.operands {
            if kept.contains(where: { isDominated(operand, by: $0, compound.kind) }) { continue }
            kept.removeAll { isDominated($0, by: operand, compound.kind) }
            kept.append(operand)
        }
        return kept.count == compound.operands.count ? nil : IntExpr.extremum(compound.kind, kept)
    }

    private func isDominated(_ a: IntExpr, by b: IntExpr, _ kind: Compound.Kind) -> Bool {
        kind == .minimum ? Prover.proves(a, atLeast: b, ranges) : Prover.proves(b, atLeast: a, ranges)
    }

    // MARK: Division

    private func decideDivision(_ compound: Compound) -> IntExpr? {
        let (dividend, divisor) = (compound.operands[0], compound.operands[1])
        let isQuotient = compound.kind == .floorDivide
        if let quotient = knownQuotient(dividend, divisor) {
            return isQuotient ? quotient : dividend - divisor * quotient
        }
        let split = divisor.constant != nil ? constantSplit(dividend, divisor) : symbolicSplit(dividend, divisor)
        guard let split else { return nil }
        if isQuotient { return split.dividend.floorDivided(by: split.divisor) }
        return split.factor * split.dividend.modulo(split.divisor) + split.rest
    }

    private func knownQuotient(_ dividend: IntExpr, _ divisor: IntExpr) -> IntExpr? {
        let quotient = dividend.interval(ranges).floorDivided(by: divisor.interval(ranges))
        if let single = quotient.single { return IntExpr(single) }
        return isProved(dividend, below: divisor) ? 0 : nil
    }

    /// 0 ≤ a < b.
    private func isProved(_ a: IntExpr, below b: IntExpr) -> Bool {
        Prover.proves(a, atLeast: 0, ranges) && Prover.proves(b, atLeast: a, plus: 1, ranges)
    }

    /// original dividend = factor·dividend + rest with 0 ≤ rest < factor, original divisor = factor·divisor: then
    /// the quotient is dividend / divisor, and the remainder factor · (dividend mod divisor) + rest.
    private struct Split {
        let dividend: IntExpr
        let divisor: IntExpr
        let factor: IntExpr
        let rest: IntExpr
    }

    private func constantSplit(_ dividend: IntExpr, _ divisor: IntExpr) -> Split? {
        guard let k = divisor.constant, k > 1 else { return nil }
        let factors = Set(dividend.terms.map { Int(greatestCommonDivisor($0.coefficient.magnitude, UInt(k))) })
        for factor in factors.sorted(by: >) where factor > 1 {
            let multiple = dividend.terms.filter { $0.coefficient % factor == 0 }
            let others = dividend.terms.filter { $0.coefficient % factor != 0 }
            let rest = IntExpr(offset: dividend.offset, node: Polynomial.make(others))
            let interval = rest.interval(ranges)
            let shift = interval.lower.floorQuotient(factor)
            let (base, overflow) = shift.multipliedReportingOverflow(by: factor)
            guard interval.lower != .min, interval.upper != .max, !overflow,
                shift == interval.upper.floorQuotient(factor)
            else { continue }
            let whole = IntExpr(offset: 0, node: Polynomial.make(multiple)).coefficientsDivided(by: factor)
            return Split(
                dividend: whole + IntExpr(shift), divisor: IntExpr(k / factor), factor: IntExpr(factor),
                rest: rest - IntExpr(base))
        }
        return nil
    }

    /// A symbol n of a divisor n·m: (n·a + r) / (n·m) with 0 ≤ r < n is a / m. Also with n and m exchanged.
    private func symbolicSplit(_ dividend: IntExpr, _ divisor: IntExpr) -> Split? {
        guard divisor.offset == 0, divisor.terms.count == 1, dividend.termCount > 1 else { return nil }
        let monomial = divisor.terms[0].monomial
        for index in 0..<monomial.degree {
            let atom = Monomial(monomial[index])
            guard let others = divisor.removingFactor(atom) else { continue }
            var factors = [atom]
            if let cofactor = others.terms.first?.monomial, cofactor.degree > 1 { factors.append(cofactor) }
            for factor in factors {
                if let split = symbolicSplit(dividend, divisor, by: factor) { return split }
            }
        }
        return nil
    }

    private func symbolicSplit(_ dividend: IntExpr, _ divisor: IntExpr, by factor: Monomial) -> Split? {
        let multiple = dividend.terms.filter { $0.monomial.removing(factor) != nil }
        let others = dividend.terms.filter { $0.monomial.removing(factor) == nil }
        let rest = IntExpr(offset: dividend.offset, node: Polynomial.make(others))
        let factorValue = IntExpr(Term(coefficient: 1, monomial: factor))
        guard !multiple.isEmpty, rest != 0, isProved(rest, below: factorValue),
            let whole = IntExpr(offset: 0, node: Polynomial.make(multiple)).removingFactor(factor),
            let smaller = divisor.removingFactor(factor)
        else { return nil }
        return Split(dividend: whole, divisor: smaller, factor: factorValue, rest: rest)
    }

    // MARK: Recombination

    /// c·(x mod k) + c·k·(x / k) = c·x, for whatever c is a factor of both.
    private func recombining(_ e: IntExpr) -> IntExpr {
        for term in e.terms {
            for index in 0..<term.monomial.degree {
                guard case .compound(let inner) = term.monomial[index], inner.kind == .modulo,
                    let others = term.monomial.removing(Monomial(term.monomial[index]))
                else { continue }
                let outer = IntExpr(term.coefficient, times: others)
                if let combined = recombining(e, term, inner, outer) { return recombining(combined) }
            }
        }
        return e
    }

    private func recombining(_ e: IntExpr, _ term: Term, _ inner: Compound, _ outer: IntExpr) -> IntExpr? {
        let (dividend, divisor) = (inner.operands[0], inner.operands[1])
        let quotient = dividend.floorDivided(by: divisor)
        guard let last = quotient.terms.first(where: { $0.monomial.first.depth > 0 }) else { return nil }
        let needed = outer * divisor * IntExpr(last)
        let present = needed.terms.allSatisfy { term in
            e.terms.contains { $0.coefficient == term.coefficient && $0.monomial == term.monomial }
        }
        guard present, needed.offset == 0, !needed.isTooLarge else { return nil }
        return e - IntExpr(term) - needed + outer * (dividend - divisor * (quotient - IntExpr(last)))
    }
}
