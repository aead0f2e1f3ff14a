extension IntExpr {
    /// The quotient rounded down. Multiples of the divisor are taken out: (k·a + r) / k = a + r / k.
    ///
    /// Division by the constant 0 stays as it is and has no value.
    public func floorDivided(by divisor: IntExpr) -> IntExpr {
        if isTooLarge || divisor.isTooLarge { return .tooLarge }
        guard let k = divisor.constant else {
            let parts = dividedSymbolically(by: divisor)
            if parts.rest == 0 { return parts.quotient }
            if parts.divisor.constant != nil {
                return parts.quotient + parts.rest.floorDivided(by: parts.divisor)
            }
            return parts.quotient + IntExpr.compound(.floorDivide, [parts.rest, parts.divisor])
        }
        if k == 1 { return self }
        if k == 0 || k == .min || (k < 0 && !isNegatable) { return IntExpr.compound(.floorDivide, [self, divisor]) }
        return k > 0 ? floorDivided(byPositive: k) : scaled(by: -1).floorDivided(byPositive: -k)
    }

    /// The quotient rounded up: -floor(-self / divisor), written as floor((self + divisor - 1) / divisor) where the
    /// divisor is a positive constant.
    public func ceilDivided(by divisor: IntExpr) -> IntExpr {
        if let k = divisor.constant, k > 0 { return (self + IntExpr(k - 1)).floorDivided(by: divisor) }
        return -((-self).floorDivided(by: divisor))
    }

    /// The remainder of the division rounded down; it has the sign of the divisor.
    public func modulo(_ divisor: IntExpr) -> IntExpr {
        if isTooLarge || divisor.isTooLarge { return .tooLarge }
        guard let k = divisor.constant else { return symbolicModulo(divisor) }
        if k == 1 || k == -1 { return 0 }
        if k == 0 || k == .min || (k < 0 && !isNegatable) { return IntExpr.compound(.modulo, [self, divisor]) }
        return k > 0 ? modulo(positive: k) : -scaled(by: -1).modulo(positive: -k)
    }

    static func compound(_ kind: Compound.Kind, _ operands: [IntExpr]) -> IntExpr {
        IntExpr(.compound(Compound(kind, operands)))
    }

    /// self = k·quotient + rest with coefficients of rest below k in magnitude and constant term in 0..<k.
    /// Signs of coefficients are kept, so that bounds stay as tight as they were.
    private func split(by k: Int) -> (quotient: IntExpr, rest: IntExpr) {
        var quotients: [Term] = []
        var rests: [Term] = []
        for term in terms {
            let (quotient, rest) = term.coefficient.quotientAndRemainder(dividingBy: k)
            if quotient != 0 { quotients.append(Term(coefficient: quotient, monomial: term.monomial)) }
            if rest != 0 { rests.append(Term(coefficient: rest, monomial: term.monomial)) }
        }
        return (
            IntExpr(offset: offset.floorQuotient(k), node: Polynomial.make(quotients)),
            IntExpr(offset: offset.floorRemainder(k), node: Polynomial.make(rests))
        )
    }

    private func floorDivided(byPositive k: Int) -> IntExpr {
        var (quotient, rest) = split(by: k)
        guard rest.node != nil else { return quotient }
        let common = Int(rest.content(UInt(k)))
        if common > 1 { rest = rest.coefficientsDivided(by: common) }
        let divisor = k / common
        if let merged = rest.mergingNestedDivision(by: divisor) { return quotient + merged }
        return quotient + IntExpr.compound(.floorDivide, [rest, IntExpr(divisor)])
    }

    /// floor((floor(x / a) + c) / k) = floor((x + a·c) / (a·k)) for positive constants a and k.
    private func mergingNestedDivision(by k: Int) -> IntExpr? {
        guard terms.count == 1, terms[0].coefficient == 1, terms[0].monomial.degree == 1,
            case .compound(let inner) = terms[0].monomial.first, inner.kind == .floorDivide,
            let a = inner.operands[1].constant, a > 0
        else { return nil }
        let (divisor, overflow) = a.multipliedReportingOverflow(by: k)
        let (shift, overflow2) = a.multipliedReportingOverflow(by: offset)
        let (_, overflow3) = inner.operands[0].offset.addingReportingOverflow(shift)
        guard !overflow, !overflow2, !overflow3 else { return nil }
        return (inner.operands[0] + IntExpr(shift)).floorDivided(byPositive: divisor)
    }

    private func modulo(positive k: Int) -> IntExpr {
        if k == 1 { return 0 }
        let rest = split(by: k).rest
        guard rest.node != nil else { return rest }
        let opened = rest.openingModulo { coefficient, inner in
            guard let m = inner.constant else { return false }
            return m != 0 && coefficient.multipliedReportingOverflow(by: m) == (coefficient &* m, false)
                && coefficient &* m % k == 0
        }
        if let opened { return opened.modulo(positive: k) }
        let common = Int(rest.content(UInt(k)))
        if common > 1 {
            let inner = rest.coefficientsDivided(by: common).modulo(positive: k / common)
            return inner.scaled(by: common) + IntExpr(rest.offset % common)
        }
        return IntExpr.compound(.modulo, [rest, IntExpr(k)])
    }

    /// Replaces terms c·(x mod m) by c·x where `isMultiple(c, m)` says that c·m is a multiple of the outer divisor.
    private func openingModulo(_ isMultiple: (Int, IntExpr) -> Bool) -> IntExpr? {
        guard let node, node.depth > 0 else { return nil }
        for term in node.terms where term.monomial.degree == 1 {
            guard case .compound(let inner) = term.monomial.first, inner.kind == .modulo,
                isMultiple(term.coefficient, inner.operands[1])
            else { continue }
            return self - IntExpr(term) + inner.operands[0].scaled(by: term.coefficient)
        }
        return nil
    }
}

// MARK: - Symbolic divisors

/// self = quotient·d + scale·rest and d = scale·divisor for the divisor d that was asked for.
struct SymbolicDivision {
    var quotient: IntExpr
    var rest: IntExpr
    var divisor: IntExpr
    var scale: IntExpr
}

extension IntExpr {
    private func symbolicModulo(_ divisor: IntExpr) -> IntExpr {
        let parts = dividedSymbolically(by: divisor)
        if parts.rest == 0 { return 0 }
        if parts.divisor.constant != nil { return parts.scale * parts.rest.modulo(parts.divisor) }
        if let opened = parts.rest.openingModulo({ $1 == parts.divisor }) {
            return parts.scale * opened.symbolicModulo(parts.divisor)
        }
        return parts.scale * IntExpr.compound(.modulo, [parts.rest, parts.divisor])
    }

    /// Takes multiples of the divisor out, then common factors, and makes its leading coefficient positive.
    func dividedSymbolically(by divisor: IntExpr) -> SymbolicDivision {
        var parts = SymbolicDivision(quotient: 0, rest: self, divisor: divisor, scale: 1)
        let (quotient, rest) = polynomialDivision(by: divisor)
        if rest.termCount < termCount { (parts.quotient, parts.rest) = (quotient, rest) }
        if parts.rest == 0 { return parts }
        parts.cancelCommonContent()
        while parts.cancelCommonAtom() {}
        return parts
    }

    /// self = quotient·divisor + rest as polynomials, by leading terms; the divisor is not constant.
    func polynomialDivision(by divisor: IntExpr) -> (quotient: IntExpr, rest: IntExpr) {
        guard let lead = divisor.terms.first else { return (0, self) }
        if lead.coefficient < 0 {
            if !divisor.isNegatable { return (0, self) }
            let (quotient, rest) = polynomialDivision(by: -divisor)
            return (-quotient, rest)
        }
        var (quotient, rest, open): (IntExpr, IntExpr, IntExpr) = (0, 0, self)
        for _ in 0..<100 {
            guard let term = open.terms.first else { return (quotient, rest + open) }
            if term.coefficient % lead.coefficient == 0, let atoms = term.monomial.removing(lead.monomial) {
                let factor = IntExpr(term.coefficient / lead.coefficient, times: atoms)
                quotient += factor
                open -= factor * divisor
            } else {
                rest += IntExpr(term)
                open -= IntExpr(term)
            }
            if open.isTooLarge { break }
        }
        return (0, self)
    }
}

extension SymbolicDivision {
    fileprivate mutating func cancelCommonContent() {
        if !divisor.isNegatable || !rest.isNegatable { return }
        var common = divisor.content(rest.content(0))
        common = greatestCommonDivisor(common, divisor.offset.magnitude)
        common = greatestCommonDivisor(common, rest.offset.magnitude)
        guard var factor = Int(exactly: common), let lead = divisor.terms.first else { return }
        if lead.coefficient < 0 { factor = -factor }
        if factor == 1 { return }
        rest = rest.coefficientsDivided(by: factor)
        divisor = divisor.coefficientsDivided(by: factor)
        scale = scale.scaled(by: factor)
    }

    /// floor((n·a) / (n·b)) = floor(a / b), and the remainder is n times as large.
    fileprivate mutating func cancelCommonAtom() -> Bool {
        guard rest.offset == 0, divisor.offset == 0, let lead = divisor.terms.first else { return false }
        for index in 0..<lead.monomial.degree {
            let factor = Monomial(lead.monomial[index])
            guard let shorterRest = rest.removingFactor(factor),
                let shorterDivisor = divisor.removingFactor(factor)
            else { continue }
            rest = shorterRest
            divisor = shorterDivisor
            scale *= IntExpr(factor.first)
            return divisor.node != nil
        }
        return false
    }
}

extension IntExpr {
    /// The quotient by a monomial that divides every term; nil if one is not divisible.
    func removingFactor(_ factor: Monomial) -> IntExpr? {
        guard offset == 0 else { return nil }
        var result: IntExpr = 0
        for term in terms {
            guard let atoms = term.monomial.removing(factor) else { return nil }
            result += IntExpr(term.coefficient, times: atoms)
        }
        return result
    }
}
