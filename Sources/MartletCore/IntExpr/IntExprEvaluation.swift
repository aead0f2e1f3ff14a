extension IntExpr {
    /// The value for given values of the symbols.
    ///
    /// Throws `size.overflow` where a result, or a sum or product on the way to it, does not fit `Int`,
    /// `size.division-by-zero` where a divisor is 0, `size.too-large` for `tooLarge`, and what `value` throws.
    public func evaluate(_ value: (Symbol) throws -> Int) throws -> Int {
        guard let node else { return offset }
        if node.isTooLarge { throw Diagnostic.sizeTooLarge }
        var sum = offset
        for term in node.terms {
            var product = term.coefficient
            for index in 0..<term.monomial.degree {
                product = try product.timesChecked(try term.monomial[index].evaluate(value))
            }
            sum = try sum.plusChecked(product)
        }
        return sum
    }

    /// The expression with symbols replaced; where the map gives nil the symbol stays.
    public func substituting(_ map: (Symbol) -> IntExpr?) -> IntExpr {
        mappingAtoms { atom in
            switch atom {
            case .symbol(let symbol): return map(symbol)
            case .compound(let compound):
                let operands = compound.operands.map { $0.substituting(map) }
                return operands == compound.operands ? nil : compound.rebuilt(with: operands)
            }
        }
    }

    /// self = linear · symbol + rest, where neither contains the symbol; nil if the expression is not affine in it.
    public func coefficients(of symbol: Symbol) -> (linear: IntExpr, rest: IntExpr)? {
        if isTooLarge { return nil }
        if !contains(symbol) { return (0, self) }
        guard let parts = coefficients(ofFactor: .symbol(symbol)),
            !parts.linear.contains(symbol), !parts.rest.contains(symbol)
        else { return nil }
        return parts
    }

    /// self = linear · atom + rest, where the atom is no factor of a term of either, but may occur further inside;
    /// nil where it occurs squared.
    func coefficients(ofFactor atom: Atom) -> (linear: IntExpr, rest: IntExpr)? {
        var linear: [Term] = []
        var rest: [Term] = []
        var constant = 0
        for term in terms {
            let count = term.monomial.count(of: atom)
            if count > 1 { return nil }
            guard count == 1, let others = term.monomial.removing(Monomial(atom)) else {
                rest.append(term)
                continue
            }
            if let monomial = Monomial(sorted: others) {
                linear.append(Term(coefficient: term.coefficient, monomial: monomial))
            } else {
                constant = term.coefficient
            }
        }
        return (
            IntExpr(offset: constant, node: Polynomial.make(linear)),
            IntExpr(offset: offset, node: Polynomial.make(rest))
        )
    }
}

extension Atom {
    fileprivate func evaluate(_ value: (Symbol) throws -> Int) throws -> Int {
        switch self {
        case .symbol(let symbol): try value(symbol)
        case .compound(let compound): try compound.evaluate(value)
        }
    }
}

extension Compound {
    fileprivate func evaluate(_ value: (Symbol) throws -> Int) throws -> Int {
        var result = try operands[0].evaluate(value)
        for operand in operands.dropFirst() {
            let next = try operand.evaluate(value)
            switch kind {
            case .floorDivide: result = try result.floorQuotientChecked(next)
            case .modulo: result = try result.floorRemainderChecked(next)
            case .minimum: result = Swift.min(result, next)
            case .maximum: result = Swift.max(result, next)
            }
        }
        return result
    }
}

extension Diagnostic {
    static var sizeOverflow: Diagnostic {
        Diagnostic("size.overflow", "a size or index does not fit 64 bits")
    }
    static var sizeDivisionByZero: Diagnostic {
        Diagnostic("size.division-by-zero", "a size or index is divided by zero")
    }
    static var sizeTooLarge: Diagnostic {
        Diagnostic("size.too-large", "a size expression has too many parts to be computed")
    }
}

extension Int {
    func plusChecked(_ other: Int) throws -> Int {
        let (result, overflow) = addingReportingOverflow(other)
        if overflow { throw Diagnostic.sizeOverflow }
        return result
    }

    func timesChecked(_ other: Int) throws -> Int {
        let (result, overflow) = multipliedReportingOverflow(by: other)
        if overflow { throw Diagnostic.sizeOverflow }
        return result
    }

    func floorQuotientChecked(_ divisor: Int) throws -> Int {
        if divisor == 0 { throw Diagnostic.sizeDivisionByZero }
        if divisor == -1 && self == .min { throw Diagnostic.sizeOverflow }
        return floorQuotient(divisor)
    }

    func floorRemainderChecked(_ divisor: Int) throws -> Int {
        if divisor == 0 { throw Diagnostic.sizeDivisionByZero }
        return floorRemainder(divisor)
    }
}
