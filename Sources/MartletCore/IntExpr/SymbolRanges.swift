/// Where an integer lies, both ends included; nil is no bound on that side.
public struct Bounds: Hashable, Sendable, CustomStringConvertible {
    /// The least value possible.
    public var lower: Int?
    /// The greatest value possible.
    public var upper: Int?

    /// An interval, both ends included.
    public init(lower: Int? = nil, upper: Int? = nil) {
        self.lower = lower
        self.upper = upper
    }

    /// The interval of one range of integers.
    public init(_ range: ClosedRange<Int>) {
        self.init(lower: range.lowerBound, upper: range.upperBound)
    }

    /// Whether the value lies within.
    public func contains(_ value: Int) -> Bool {
        (lower.map { $0 <= value } ?? true) && (upper.map { value <= $0 } ?? true)
    }

    /// `0...7`, `0...`, `...7`, `...`
    public var description: String {
        (lower.map(String.init) ?? "") + "..." + (upper.map(String.init) ?? "")
    }
}

/// What is known of the values of symbols. Statements made with it hold for every value within;
/// where a range is empty they are void.
public struct SymbolRanges: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        var bounds: Bounds
        var symbolicUpper: IntExpr?
    }

    private(set) var entries: [Symbol: Entry] = [:]

    /// Nothing is known but that sizes are not negative.
    public init() {}

    /// Loop axes with their extents: each runs from 0 to below its extent.
    public init(axes: [(Symbol, extent: IntExpr)]) {
        for (symbol, extent) in axes { setExtent(symbol, extent) }
    }

    /// The constant bounds of a symbol. Unless set, sizes are 0 or more and axes are unbounded.
    public subscript(symbol: Symbol) -> Bounds {
        get { entries[symbol]?.bounds ?? Self.defaultBounds(symbol) }
        set { entries[symbol, default: Entry(bounds: newValue)].bounds = newValue }
    }

    private static func defaultBounds(_ symbol: Symbol) -> Bounds {
        Bounds(lower: symbol.isAxis ? nil : 0)
    }

    /// An expression that the symbol is always less than, beside the constant bounds; nil if there is none.
    public func symbolicUpper(_ symbol: Symbol) -> IntExpr? { entries[symbol]?.symbolicUpper }

    /// Sets the expression that the symbol is always less than. One that contains the symbol itself is ignored.
    public mutating func setSymbolicUpper(_ symbol: Symbol, _ upper: IntExpr?) {
        let kept = upper.flatMap { $0.contains(symbol) ? nil : $0 }
        entries[symbol, default: Entry(bounds: Self.defaultBounds(symbol))].symbolicUpper = kept
    }

    /// The symbol runs from 0 to below `extent`.
    public mutating func setExtent(_ symbol: Symbol, _ extent: IntExpr) {
        if let constant = extent.constant {
            entries[symbol] = Entry(bounds: Bounds(lower: 0, upper: constant.addingSaturated(-1)))
        } else {
            self[symbol] = Bounds(lower: 0)
            setSymbolicUpper(symbol, extent)
        }
    }

    /// With j < n + c for one of the symbols, and j at least l, n is at least l + 1 - c.
    func assumingInhabited(_ symbols: [Symbol]) -> SymbolRanges {
        var result = self
        for symbol in symbols {
            guard let entry = entries[symbol], let lower = entry.bounds.lower, let upper = entry.symbolicUpper,
                upper.terms.count == 1, upper.terms[0].coefficient == 1, upper.terms[0].monomial.degree == 1,
                case .symbol(let extent) = upper.terms[0].monomial.first
            else { continue }
            let (sum, overflow) = lower.subtractingReportingOverflow(upper.offset)
            guard !overflow, sum < .max, result[extent].lower.map({ $0 < sum + 1 }) ?? true else { continue }
            result[extent].lower = sum + 1
        }
        return result
    }
}
