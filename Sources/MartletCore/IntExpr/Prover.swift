/// The answer to a question about all values within ranges.
public enum Answer: Hashable, Sendable {
    /// It holds for every value.
    case yes
    /// It holds for no value.
    case no
    /// Neither was found.
    case unknown
}

extension IntExpr {
    /// Whether self ≥ other.
    public func isAtLeast(_ other: IntExpr, _ ranges: SymbolRanges = SymbolRanges()) -> Answer {
        if isTooLarge || other.isTooLarge { return .unknown }
        if Prover.proves(self, atLeast: other, ranges) { return .yes }
        return Prover.proves(other, atLeast: self, plus: 1, ranges) ? .no : .unknown
    }

    /// Whether self < other.
    public func isLess(than other: IntExpr, _ ranges: SymbolRanges = SymbolRanges()) -> Answer {
        if isTooLarge || other.isTooLarge { return .unknown }
        if Prover.proves(other, atLeast: self, plus: 1, ranges) { return .yes }
        return Prover.proves(self, atLeast: other, ranges) ? .no : .unknown
    }

    /// Whether self = other.
    public func isEqual(to other: IntExpr, _ ranges: SymbolRanges = SymbolRanges()) -> Answer {
        if isTooLarge || other.isTooLarge { return .unknown }
        if self == other { return .yes }
        switch (isAtLeast(other, ranges), other.isAtLeast(self, ranges)) {
        case (.yes, .yes): return .yes
        case (.no, _), (_, .no): return .no
        default: return .unknown
        }
    }

    /// Whether every value is a multiple of `k`; false means that it was not proved.
    public func isDivisible(by k: Int) -> Bool {
        if isTooLarge { return false }
        return k == 0 ? self == 0 : commonDivisor(with: k.magnitude) == k.magnitude
    }

    /// A divisor of every value that divides `k` as well, as great as is plain to see.
    fileprivate func commonDivisor(with k: UInt) -> UInt {
        var common = greatestCommonDivisor(k, offset.magnitude)
        for term in terms where common != 1 { common = greatestCommonDivisor(common, term.commonDivisor(with: common)) }
        return common
    }
}

extension Term {
    fileprivate func commonDivisor(with k: UInt) -> UInt {
        var found = greatestCommonDivisor(k, coefficient.magnitude)
        for index in 0..<monomial.degree where found != k {
            found *= monomial[index].commonDivisor(with: k / found)
        }
        return found
    }
}

extension Atom {
    /// A quotient says nothing; a remainder, minimum or maximum is divisible where all operands are.
    fileprivate func commonDivisor(with k: UInt) -> UInt {
        guard case .compound(let compound) = self, compound.kind != .floorDivide else { return 1 }
        return compound.operands.reduce(k) { $1.commonDivisor(with: $0) }
    }
}

/// Searches for a proof that an expression is not negative. Every step is sound; the number of steps is bounded.
///
/// A step replaces a symbol, in which the expression is affine, by the end of its range that makes the expression
/// least, or a quotient, remainder, minimum or maximum by an inequality that it fulfils, until interval arithmetic
/// decides.
struct Prover {
    private var steps = 64

    /// Whether a ≥ b + plus always.
    static func proves(_ a: IntExpr, atLeast b: IntExpr, plus: Int = 0, _ ranges: SymbolRanges) -> Bool {
        guard let difference = checkedSum(a, b, -1).flatMap({ checkedSum($0, IntExpr(plus), -1) }) else { return false }
        if let constant = difference.constant { return constant >= 0 }
        if difference.interval(ranges).lower >= 0 { return true }
        var prover = Prover()
        return prover.isNonNegative(difference, ranges.assumingInhabited(a.symbols + b.symbols))
    }

    /// a + scale·b for a small scale; nil where a coefficient might stick to an end of `Int`.
    private static func checkedSum(_ a: IntExpr, _ b: IntExpr, _ scale: Int) -> IntExpr? {
        guard a.magnitude <= 1 << 61, b.magnitude <= 1 << 61 else { return nil }
        let sum = scale == 1 ? a + b : a - b
        return sum.isTooLarge ? nil : sum
    }

    /// linear·x + rest; nil where a coefficient might stick to an end of `Int`.
    private static func checked(_ linear: IntExpr, _ x: IntExpr, _ rest: IntExpr) -> IntExpr? {
        let collisions = UInt(Swift.min(linear.termCount, x.termCount))
        let (product, overflow) = linear.magnitude.multipliedReportingOverflow(by: x.magnitude)
        let (bound, overflow2) = product.multipliedReportingOverflow(by: collisions)
        guard !overflow, !overflow2, bound <= 1 << 61 else { return nil }
        return checkedSum(linear * x, rest, 1)
    }

    private mutating func isNonNegative(_ e: IntExpr, _ ranges: SymbolRanges) -> Bool {
        if let constant = e.constant { return constant >= 0 }
        if e.interval(ranges).lower >= 0 { return true }
        steps -= 1
        if steps <= 0 { return false }
        if isNonNegativeShifted(e, ranges) { return true }
        if let answer = eliminatingSymbol(from: e, ranges) { return answer }
        return eliminatingCompound(from: e, ranges)
    }

    /// Writes symbols as lower bound + something not negative and multiplies out: n·m - n with m = 1 + m' is n·m'.
    private func isNonNegativeShifted(_ e: IntExpr, _ ranges: SymbolRanges) -> Bool {
        var shifted = e
        var reader = IntervalReader(ranges: ranges)
        for symbol in e.symbols {
            let lower = reader.interval(symbol).lower
            guard lower != 0, lower != .min, let parts = shifted.coefficients(ofFactor: .symbol(symbol)),
                parts.linear.node != nil, let moved = Self.checked(parts.linear, IntExpr(lower), shifted)
            else { continue }
            shifted = moved
            reader.shifted.insert(symbol)
        }
        return !reader.shifted.isEmpty && reader.interval(shifted).lower >= 0
    }

    /// Replaces a symbol by the end of its range where the expression is least; symbols with symbolic ends first.
    /// nil where no symbol can be replaced.
    private mutating func eliminatingSymbol(from e: IntExpr, _ ranges: SymbolRanges) -> Bool? {
        let symbols = e.symbols
        let symbolic = symbols.filter { ranges.symbolicUpper($0) != nil }
        let plain = symbols.filter { ranges.symbolicUpper($0) == nil && ranges.entries[$0] != nil }
        for symbol in symbolic.reversed() + plain {
            guard let (linear, rest) = e.coefficients(of: symbol) else { continue }
            let ends: [IntExpr]
            if isNonNegative(linear, ranges) {
                ends = [ranges[symbol].lower.map { IntExpr($0) }].compactMap(\.self)
            } else if isNonNegative(-linear, ranges) {
                ends = [ranges.symbolicUpper(symbol).map { $0 - 1 }, ranges[symbol].upper.map { IntExpr($0) }]
                    .compactMap(\.self)
            } else {
                continue
            }
            let leasts = ends.compactMap { Self.checked(linear, $0, rest) }
            for least in leasts where isNonNegative(least, ranges) { return true }
            if !leasts.isEmpty { return false }
        }
        return nil
    }

    /// Replaces a compound that is a factor of a term by an inequality.
    private mutating func eliminatingCompound(from e: IntExpr, _ ranges: SymbolRanges) -> Bool {
        var atoms: [Compound] = []
        e.forEachAtom { atom in
            if case .compound(let compound) = atom, !atoms.contains(where: { $0 === compound }) {
                atoms.append(compound)
            }
        }
        for compound in atoms {
            guard let (linear, rest) = e.coefficients(ofFactor: .compound(compound)) else { continue }
            let isPositive = isNonNegative(linear, ranges)
            guard isPositive || isNonNegative(-linear, ranges) else { continue }
            let least = LeastValues(compound: compound, linear: linear, rest: rest, isPositive: isPositive)
            if isNonNegative(least, ranges) { return true }
        }
        return false
    }

    /// linear·compound + rest with a sign of linear that is known.
    private struct LeastValues {
        let compound: Compound
        let linear: IntExpr
        let rest: IntExpr
        let isPositive: Bool

        /// With x in place of the compound.
        func with(_ x: IntExpr) -> IntExpr? { Prover.checked(linear, x, rest) }
    }

    private mutating func isNonNegative(_ e: LeastValues, _ ranges: SymbolRanges) -> Bool {
        let operands = e.compound.operands
        switch (e.compound.kind, e.isPositive) {
        case (.floorDivide, _):
            return isQuotientNonNegative(e, ranges)
        case (.modulo, true):
            guard isNonNegative(operands[1], ranges) else { return false }
            return isNonNegative(e.rest, ranges)
        case (.modulo, false):
            guard isNonNegative(operands[1], ranges) else { return false }
            if let least = e.with(operands[1] - 1), isNonNegative(least, ranges) { return true }
            guard isNonNegative(operands[0], ranges), let least = e.with(operands[0]) else { return false }
            return isNonNegative(least, ranges)
        case (.minimum, true), (.maximum, false):
            for operand in operands {
                guard let least = e.with(operand), isNonNegative(least, ranges) else { return false }
            }
            return true
        case (.minimum, false), (.maximum, true):
            for operand in operands {
                if let least = e.with(operand), isNonNegative(least, ranges) { return true }
            }
            return false
        }
    }

    /// With t = floor(x / k): x - k + 1 ≤ k·t ≤ x, and e ≥ 0 wherever k·e ≥ -(k - 1).
    private mutating func isQuotientNonNegative(_ e: LeastValues, _ ranges: SymbolRanges) -> Bool {
        guard let k = e.compound.operands[1].constant, k > 0, k < 1 << 61 else { return false }
        let x = e.compound.operands[0]
        guard let scaled = Self.checked(e.rest, IntExpr(k), IntExpr(k - 1)),
            let end = Self.checkedSum(x, IntExpr(e.isPositive ? k - 1 : 0), -1),
            let least = Self.checked(e.linear, end, scaled)
        else { return false }
        return isNonNegative(least, ranges)
    }
}
