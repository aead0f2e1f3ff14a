/// Where an expression of one symbol, which rises or falls with it, is negative, zero and positive.
public struct SignChange: Sendable {
    /// The symbol.
    public let symbol: Symbol
    private let range: ClosedRange<Int>
    private let isRising: Bool
    /// The expression is 0 from `start` to before `end`.
    private let start: Int, end: Int

    /// Symbols without bound are searched up to here.
    private static let horizon = 1 << 40

    fileprivate init?(_ expression: IntExpr, _ ranges: SymbolRanges) {
        let symbols = expression.symbols
        guard symbols.count == 1, let trend = expression.trend(in: symbols[0], ranges), trend != .constant else {
            return nil
        }
        let bounds = ranges[symbols[0]]
        let (low, high) = (bounds.lower ?? 0, Swift.min(bounds.upper ?? Self.horizon, Self.horizon))
        guard low > -Self.horizon, low <= high else { return nil }
        let isRising = trend == .rising
        /// The first value in range for which the expression, turned so that it rises, fulfils a condition.
        func first(_ holds: (Int) -> Bool) -> Int? {
            var (below, at) = (low - 1, high + 1)
            while at - below > 1 {
                let middle = below + (at - below) / 2
                guard let value = try? expression.evaluate({ _ in middle }) else { return nil }
                if holds(isRising ? value : 0 &- value) { at = middle } else { below = middle }
            }
            return at
        }
        guard let start = first({ $0 >= 0 }), let end = first({ $0 > 0 }) else { return nil }
        (symbol, self.isRising, self.start, self.end) = (symbols[0], isRising, start, end)
        range = low...high
    }

    /// Where the expression is 0; nil if nowhere.
    public var zero: Bounds? { start < end ? bounds(start, end - 1) : nil }

    /// Where it is not 0; nil if that is nowhere, or not one range.
    public var nonzero: Bounds? {
        if start <= range.lowerBound { return end > range.upperBound ? nil : bounds(end, range.upperBound) }
        return end > range.upperBound ? bounds(range.lowerBound, start - 1) : nil
    }

    /// Where it is below 0; nil if nowhere.
    public var negative: Bounds? {
        isRising ? bounds(range.lowerBound, start - 1) : bounds(end, range.upperBound)
    }

    /// Where it is 0 or more; nil if nowhere.
    public var nonnegative: Bounds? {
        isRising ? bounds(start, range.upperBound) : bounds(range.lowerBound, end - 1)
    }

    /// The horizon is no bound of the symbol's own.
    private func bounds(_ lower: Int, _ upper: Int) -> Bounds? {
        lower > upper ? nil : Bounds(lower: lower, upper: upper >= Self.horizon ? nil : upper)
    }
}

extension IntExpr {
    /// Where the expression changes its sign; nil unless it depends on one symbol and plainly rises or falls with it.
    public func signChange(_ ranges: SymbolRanges) -> SignChange? { SignChange(self, ranges) }
}
