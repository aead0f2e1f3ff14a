extension IntExpr {
    /// The sum.
    public static func + (a: IntExpr, b: IntExpr) -> IntExpr {
        combined(a, b, scale: 1)
    }

    /// The difference.
    public static func - (a: IntExpr, b: IntExpr) -> IntExpr {
        combined(a, b, scale: -1)
    }

    /// The expression with its sign changed.
    public static prefix func - (a: IntExpr) -> IntExpr {
        a.scaled(by: -1)
    }

    /// The product, multiplied out.
    public static func * (a: IntExpr, b: IntExpr) -> IntExpr {
        guard let right = b.node else { return a.scaled(by: b.offset) }
        guard let left = a.node else { return b.scaled(by: a.offset) }
        if left.isTooLarge || right.isTooLarge { return tooLarge }
        if left.terms.count == 1 && right.terms.count == 1 && a.offset == 0 && b.offset == 0 {
            return IntExpr(left.terms[0] * right.terms[0])
        }
        guard (left.terms.count + 1) * (right.terms.count + 1) <= Polynomial.weightLimit else { return tooLarge }
        var products: [Term] = []
        products.reserveCapacity((left.terms.count + 1) * (right.terms.count + 1))
        for x in left.terms {
            for y in right.terms { products.append(x * y) }
        }
        if a.offset != 0 { products += right.terms.map { $0.scaled(by: a.offset) } }
        if b.offset != 0 { products += left.terms.map { $0.scaled(by: b.offset) } }
        return IntExpr(offset: a.offset.multipliedSaturated(b.offset), node: Polynomial.collecting(products))
    }

    /// Adds in place.
    public static func += (a: inout IntExpr, b: IntExpr) { a = a + b }

    /// Subtracts in place.
    public static func -= (a: inout IntExpr, b: IntExpr) { a = a - b }

    /// Multiplies in place.
    public static func *= (a: inout IntExpr, b: IntExpr) { a = a * b }

    private static func combined(_ a: IntExpr, _ b: IntExpr, scale: Int) -> IntExpr {
        let offset = a.offset.addingSaturated(b.offset.multipliedSaturated(scale))
        guard let right = b.node else { return IntExpr(offset: offset, node: a.node) }
        if let left = a.node {
            return IntExpr(offset: offset, node: Polynomial.sum(left, right, scale: scale))
        }
        if scale == 1 || right.isTooLarge { return IntExpr(offset: offset, node: right) }
        return IntExpr(offset: offset, node: b.scaled(by: scale).node)
    }

    /// The sum of many, in one go.
    static func sum(_ summands: [IntExpr]) -> IntExpr {
        if summands.count < 3 { return summands.reduce(0, +) }
        if summands.contains(where: \.isTooLarge) { return tooLarge }
        return IntExpr(
            offset: summands.reduce(0) { $0.addingSaturated($1.offset) },
            node: Polynomial.collecting(summands.flatMap(\.terms)))
    }

    func scaled(by factor: Int) -> IntExpr {
        if factor == 1 { return self }
        guard let node else { return IntExpr(offset.multipliedSaturated(factor)) }
        if node.isTooLarge { return self }
        if factor == 0 { return 0 }
        let terms = node.terms.map { $0.scaled(by: factor) }
        return IntExpr(offset: offset.multipliedSaturated(factor), node: Polynomial.make(terms))
    }

    /// Divides every coefficient, which must be a multiple of `factor`, and the constant term, rounded down.
    func coefficientsDivided(by factor: Int) -> IntExpr {
        let terms = terms.map { Term(coefficient: $0.coefficient.floorQuotient(factor), monomial: $0.monomial) }
        return IntExpr(offset: offset.floorQuotient(factor), node: Polynomial.make(terms))
    }

    /// Greatest common divisor of `start` and of all coefficients without the constant term.
    func content(_ start: UInt) -> UInt {
        var divisor = start
        for term in terms where divisor != 1 {
            divisor = greatestCommonDivisor(divisor, term.coefficient.magnitude)
        }
        return divisor
    }

    /// The greatest magnitude among coefficients and constant term.
    var magnitude: UInt {
        terms.reduce(offset.magnitude) { Swift.max($0, $1.coefficient.magnitude) }
    }

    /// Whether no coefficient is Int.min, so that changing the sign is exact.
    var isNegatable: Bool { magnitude <= UInt(Int.max) }

    /// Replaces atoms by expressions; nil leaves an atom as it is.
    func mappingAtoms(_ replacement: (Atom) -> IntExpr?) -> IntExpr {
        guard let node, !node.isTooLarge else { return self }
        var kept: [Term] = []
        var changed: [IntExpr] = []
        for term in node.terms {
            if let product = term.mappingAtoms(replacement) { changed.append(product) } else { kept.append(term) }
        }
        if kept.count == node.terms.count { return self }
        return IntExpr(offset: offset, node: Polynomial.make(kept)) + .sum(changed)
    }
}

extension Term {
    /// The product with atoms replaced; nil if none is.
    fileprivate func mappingAtoms(_ replacement: (Atom) -> IntExpr?) -> IntExpr? {
        var kept: [Atom] = []
        var product: IntExpr?
        for index in 0..<monomial.degree {
            let atom = monomial[index]
            if let replaced = replacement(atom) {
                product = product.map { $0 * replaced } ?? replaced
            } else {
                kept.append(atom)
            }
        }
        return product.map { $0 * IntExpr(coefficient, times: kept) }
    }
}
