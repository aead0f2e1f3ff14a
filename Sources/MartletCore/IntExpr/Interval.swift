/// Interval arithmetic over `Int`, where the two ends of `Int` stand for no bound.
struct Interval: Hashable {
    /// In Int.min ... Int.max - 1; Int.min is minus infinity.
    private(set) var lower: Int
    /// In Int.min + 1 ... Int.max; Int.max is infinity.
    private(set) var upper: Int

    static let all = Interval(.min, .max)

    init(_ lower: Int, _ upper: Int) {
        self.lower = Swift.min(lower, .max - 1)
        self.upper = Swift.max(upper, .min + 1)
    }

    init(_ bounds: Bounds) {
        self.init(bounds.lower ?? .min, bounds.upper ?? .max)
    }

    var bounds: Bounds {
        Bounds(lower: lower == .min ? nil : lower, upper: upper == .max ? nil : upper)
    }

    /// The one value in the interval, if it is but one.
    var single: Int? { lower == upper ? lower : nil }

    static func + (a: Interval, b: Interval) -> Interval {
        Interval(
            a.lower == .min || b.lower == .min ? .min : a.lower.addingSaturated(b.lower),
            a.upper == .max || b.upper == .max ? .max : a.upper.addingSaturated(b.upper))
    }

    static prefix func - (a: Interval) -> Interval {
        Interval(negatedEnd(a.upper), negatedEnd(a.lower))
    }

    private static func negatedEnd(_ end: Int) -> Int {
        end == .max ? .min : end.negatedSaturated()
    }

    static func * (a: Interval, b: Interval) -> Interval {
        let (p, q) = (product(a.lower, b.lower), product(a.lower, b.upper))
        let (r, s) = (product(a.upper, b.lower), product(a.upper, b.upper))
        return Interval(Swift.min(p, q, r, s), Swift.max(p, q, r, s))
    }

    /// Product of ends, where an infinite one times 0 is 0.
    private static func product(_ a: Int, _ b: Int) -> Int {
        if a == 0 || b == 0 { return 0 }
        let isInfinite = a == .min || a == .max || b == .min || b == .max
        if isInfinite { return (a < 0) == (b < 0) ? .max : .min }
        return a.multipliedSaturated(b)
    }

    func power(_ exponent: Int) -> Interval {
        var result = self
        for _ in 1..<Swift.max(exponent, 1) { result = result * self }
        if exponent % 2 == 0 { result.lower = Swift.max(result.lower, 0) }
        return result
    }

    func union(_ other: Interval) -> Interval {
        Interval(Swift.min(lower, other.lower), Swift.max(upper, other.upper))
    }

    func intersection(_ other: Interval) -> Interval {
        Interval(Swift.max(lower, other.lower), Swift.min(upper, other.upper))
    }

    func minimum(_ other: Interval) -> Interval {
        Interval(Swift.min(lower, other.lower), Swift.min(upper, other.upper))
    }

    func maximum(_ other: Interval) -> Interval {
        Interval(Swift.max(lower, other.lower), Swift.max(upper, other.upper))
    }

    /// Applies an operation to the positive and to the negative part of the divisor; 0 has no quotient.
    private func dividing(
        by divisor: Interval, _ positive: (Interval, Interval) -> Interval, negates: Bool
    ) -> Interval {
        var result: Interval?
        if divisor.upper > 0 {
            result = positive(self, divisor.intersection(Interval(1, .max)))
        }
        if divisor.lower < 0 {
            let mirrored = positive(-self, -divisor.intersection(Interval(.min, -1)))
            let part = negates ? -mirrored : mirrored
            result = result?.union(part) ?? part
        }
        return result ?? .all
    }

    func floorDivided(by divisor: Interval) -> Interval {
        dividing(by: divisor, { $0.floorDivided(byPositive: $1) }, negates: false)
    }

    private func floorDivided(byPositive divisor: Interval) -> Interval {
        Interval(
            Self.quotient(lower, lower < 0 ? divisor.lower : divisor.upper),
            Self.quotient(upper, upper < 0 ? divisor.upper : divisor.lower))
    }

    private static func quotient(_ a: Int, _ divisor: Int) -> Int {
        if a == .min || a == .max { return a }
        if divisor == .max { return a < 0 ? -1 : 0 }
        return a.floorQuotient(divisor)
    }

    func modulo(_ divisor: Interval) -> Interval {
        dividing(by: divisor, { $0.modulo(positive: $1) }, negates: true)
    }

    private func modulo(positive divisor: Interval) -> Interval {
        if lower >= 0 && upper < divisor.lower { return self }
        let limit = divisor.upper == .max ? Int.max : divisor.upper - 1
        if let k = divisor.single, lower != .min, upper != .max, lower.floorQuotient(k) == upper.floorQuotient(k) {
            return Interval(lower.floorRemainder(k), upper.floorRemainder(k))
        }
        return Interval(0, lower >= 0 ? Swift.min(limit, upper) : limit)
    }
}

extension IntExpr {
    /// Where the values lie, by interval arithmetic: sound, not always tight.
    public func bounds(_ ranges: SymbolRanges) -> Bounds { interval(ranges).bounds }

    func interval(_ ranges: SymbolRanges) -> Interval {
        IntervalReader(ranges: ranges).interval(self)
    }
}

/// Computes intervals of expressions from ranges of symbols.
struct IntervalReader {
    let ranges: SymbolRanges
    /// Symbols that stand for themselves less their lower bound where they are factors of a term.
    var shifted: Set<Symbol> = []
    /// How many symbolic upper bounds were followed to come here; ends circles.
    var nesting = 0

    func interval(_ expression: IntExpr) -> Interval {
        if expression.isTooLarge { return .all }
        var sum = Interval(expression.offset, expression.offset)
        for term in expression.terms { sum = sum + interval(term) }
        return sum
    }

    private func interval(_ term: Term) -> Interval {
        var product = Interval(term.coefficient, term.coefficient)
        var index = 0
        while index < term.monomial.degree {
            let atom = term.monomial[index]
            var exponent = 1
            while index + exponent < term.monomial.degree, term.monomial[index + exponent] == atom { exponent += 1 }
            product = product * interval(atom).power(exponent)
            index += exponent
        }
        return product
    }

    private func interval(_ atom: Atom) -> Interval {
        switch atom {
        case .symbol(let symbol):
            let own = interval(symbol)
            guard !shifted.isEmpty, shifted.contains(symbol) else { return own }
            return own + Interval(-own.lower, -own.lower)
        case .compound(let compound): return interval(compound)
        }
    }

    func interval(_ symbol: Symbol) -> Interval {
        var result = Interval(ranges[symbol])
        if nesting < 4, let upper = ranges.symbolicUpper(symbol) {
            var reader = IntervalReader(ranges: ranges)
            reader.nesting = nesting + 1
            let limit = reader.interval(upper) + Interval(-1, -1)
            result = result.intersection(Interval(.min, limit.upper))
        }
        return result
    }

    private func interval(_ compound: Compound) -> Interval {
        let reader = shifted.isEmpty ? self : IntervalReader(ranges: ranges)
        var result = reader.interval(compound.operands[0])
        for operand in compound.operands.dropFirst() {
            let next = reader.interval(operand)
            switch compound.kind {
            case .floorDivide: result = result.floorDivided(by: next)
            case .modulo: result = result.modulo(next)
            case .minimum: result = result.minimum(next)
            case .maximum: result = result.maximum(next)
            }
        }
        return result
    }
}
