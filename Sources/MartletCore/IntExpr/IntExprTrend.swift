/// How an expression changes as one symbol grows and the others stay.
public enum Trend: Hashable, Sendable {
    case constant
    /// Never falls.
    case rising
    /// Never rises.
    case falling

    fileprivate var reversed: Trend {
        switch self {
        case .constant: .constant
        case .rising: .falling
        case .falling: .rising
        }
    }

    /// The trend of a sum, minimum or maximum; nil where it is open.
    fileprivate func merged(_ other: Trend) -> Trend? {
        if self == .constant { return other }
        return other == .constant || other == self ? self : nil
    }

    fileprivate static func merged(_ trends: [Trend?]) -> Trend? {
        trends.reduce(.constant) { result, next in next.flatMap { result?.merged($0) } }
    }
}

extension IntExpr {
    /// How the value changes as `symbol` grows within its range; nil where that is not plain to see.
    public func trend(in symbol: Symbol, _ ranges: SymbolRanges) -> Trend? {
        isTooLarge ? nil : trend(in: symbol, ranges, depth: 0)
    }

    private static let depthLimit = 4

    private func trend(in symbol: Symbol, _ ranges: SymbolRanges, depth: Int) -> Trend? {
        let trends = terms.map { $0.trend(in: symbol, ranges) }
        if let sum = Trend.merged(trends) { return sum }
        guard depth < Self.depthLimit else { return nil }
        // a - min(b, c) is max(a - b, a - c), where a and b may cancel.
        for term in terms where term.monomial.degree == 1 {
            guard case .compound(let compound) = term.monomial.first, compound.kind.isExtremum,
                compound.operands.contains(where: { $0.contains(symbol) })
            else { continue }
            let rest = self - IntExpr(term)
            return Trend.merged(
                compound.operands.map {
                    (rest + $0 * IntExpr(term.coefficient)).trend(in: symbol, ranges, depth: depth + 1)
                })
        }
        return nil
    }

    fileprivate func isNeverNegative(_ ranges: SymbolRanges) -> Bool { bounds(ranges).lower ?? -1 >= 0 }
}

extension Term {
    /// One factor may change; the sign of the others must be known.
    fileprivate func trend(in symbol: Symbol, _ ranges: SymbolRanges) -> Trend? {
        var result = Trend.constant
        for index in 0..<monomial.degree where monomial[index].contains(symbol) {
            guard result == .constant, let trend = monomial[index].trend(in: symbol, ranges) else { return nil }
            result = trend
        }
        if result == .constant { return .constant }
        for index in 0..<monomial.degree where !monomial[index].contains(symbol) {
            guard IntExpr(monomial[index]).isNeverNegative(ranges) else { return nil }
        }
        return coefficient < 0 ? result.reversed : result
    }
}

extension Atom {
    fileprivate func trend(in symbol: Symbol, _ ranges: SymbolRanges) -> Trend? {
        switch self {
        case .symbol(let own): own == symbol ? .rising : .constant
        case .compound(let compound): compound.trend(in: symbol, ranges)
        }
    }
}

extension Compound {
    fileprivate func trend(in symbol: Symbol, _ ranges: SymbolRanges) -> Trend? {
        guard operands.contains(where: { $0.contains(symbol) }) else { return .constant }
        switch kind {
        case .modulo: return nil
        case .floorDivide:
            guard operands[1].bounds(ranges).lower ?? 0 >= 1, !operands[1].contains(symbol) else { return nil }
            return operands[0].trend(in: symbol, ranges)
        case .minimum, .maximum:
            return Trend.merged(operands.map { $0.trend(in: symbol, ranges) })
        }
    }
}

extension Compound.Kind {
    fileprivate var isExtremum: Bool { self == .minimum || self == .maximum }
}
