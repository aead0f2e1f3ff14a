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
        /// Largest value, where one is known.
        public var upper: Int?
    }

    /// Entries by symbol id.
    public private(set) var entries: [Entry] = []
    private var byName: [String: Symbol] = [:]

    /// Makes an empty table.
    public init() {}

    /// The ranges of all symbols, for simplification and proofs.
    public private(set) var ranges = SymbolRanges()

    /// Adds a symbol. A name that is taken gets a numbered suffix.
    public mutating func add(_ name: String, lower: Int = 0, upper: Int? = nil) -> Symbol {
        var unique = name
        var number = 1
        while byName[unique] != nil {
            unique = "\(name)_\(number)"
            number += 1
        }
        let symbol = Symbol(id: UInt32(entries.count))
        entries.append(Entry(name: unique, lower: lower, upper: upper))
        byName[unique] = symbol
        ranges[symbol] = Bounds(lower: lower, upper: upper)
        return symbol
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
        if let upper { entries[index].upper = min(entries[index].upper ?? upper, upper) }
        ranges[symbol] = Bounds(lower: entries[index].lower, upper: entries[index].upper)
    }

    /// Puts back an entry that was narrowed.
    mutating func restore(_ symbol: Symbol, _ entry: Entry) {
        entries[Int(symbol.id)] = entry
        ranges[symbol] = Bounds(lower: entry.lower, upper: entry.upper)
    }
}
