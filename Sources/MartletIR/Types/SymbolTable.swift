public import MartletCore

/// Names and ranges of a graph's size symbols; ids are positions.
///
/// One table serves a graph and all graphs nested in it.
public struct SymbolTable: Sendable {
    /// One size symbol.
    public struct Entry: Sendable, Hashable {
        /// Unique printable name.
        public var name: String
        /// Smallest value.
        public var lower: Int
        /// Largest value, where one is known: a number, or an expression of symbols that were added before.
        public var upper: IntExpr?
    }

    /// Entries by symbol id.
    public private(set) var entries: [Entry] = []
    private var byName: [String: Symbol] = [:]

    /// Makes an empty table.
    public init() {}

    /// The ranges of all symbols, for simplification and proofs.
    public private(set) var ranges = SymbolRanges()

    /// Adds a symbol. A name that is taken gets a numbered suffix.
    public mutating func add(_ name: String, lower: Int = 0, upper: IntExpr? = nil) -> Symbol {
        var unique = name
        var number = 1
        while byName[unique] != nil {
            unique = "\(name)_\(number)"
            number += 1
        }
        let symbol = Symbol(id: UInt32(entries.count))
        entries.append(Entry(name: unique, lower: lower, upper: upper))
        byName[unique] = symbol
        noteRange(of: symbol)
        return symbol
    }

    /// Takes what an entry says into the ranges.
    private mutating func noteRange(of symbol: Symbol) {
        let entry = entries[Int(symbol.id)]
        ranges[symbol] = Bounds(lower: entry.lower, upper: entry.upper?.bounds(ranges).upper)
        ranges.setSymbolicUpper(symbol, entry.upper.flatMap { $0.constant == nil ? $0 + 1 : nil })
    }

    /// The symbol of that name.
    public func symbol(named name: String) -> Symbol? { byName[name] }

    /// The printable name of a symbol: the table's for sizes, `a3` for loop axes.
    public func name(of symbol: Symbol) -> String {
        let index = Int(symbol.id)
        return index < entries.count ? entries[index].name : symbol.description
    }

    /// Narrows the range of a symbol to its intersection with `lower...upper`.
    public mutating func narrow(_ symbol: Symbol, lower: Int?, upper: Int?) {
        let index = Int(symbol.id)
        guard index < entries.count else { return }
        if let lower { entries[index].lower = max(entries[index].lower, lower) }
        if let upper { entries[index].upper = entries[index].upper.map { .min($0, IntExpr(upper)) } ?? IntExpr(upper) }
        noteRange(of: symbol)
    }

    /// Puts back an entry that was narrowed.
    mutating func restore(_ symbol: Symbol, _ entry: Entry) {
        entries[Int(symbol.id)] = entry
        noteRange(of: symbol)
    }
}
