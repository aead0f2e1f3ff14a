internal import MartletCore
internal import MartletEngine

/// The engine's expressions, prepared for evaluation that allocates nothing and throws nothing.
///
/// A value that does not exist (overflow, division by zero, a symbol not yet set) is `undefined`, and so is everything
/// computed from it; who uses a value looks for that. So entries may be evaluated before all their symbols are known.
struct ExpressionTable: Sendable {
    /// The mark of values that do not exist.
    static let undefined = Int64.min

    private struct Entry {
        var op: ExprProgram.Op
        var left: Int32
        var right: Int32
        var constant: Int64
    }

    private let entries: [Entry]
    /// Whether an entry depends on a symbol that is set during a run.
    let isDynamic: [Bool]
    /// For each symbol the entries that depend on it, ascending; empty for symbols bound by inputs.
    private let dependents: [[Int32]]

    /// The table of a valid engine.
    init(_ engine: Engine) {
        let program = engine.program
        var entries: [Entry] = []
        entries.reserveCapacity(program.count)
        for index in 0..<program.count {
            entries.append(
                Entry(
                    op: ExprProgram.Op(rawValue: program.operations[index]) ?? .constant, left: program.left[index],
                    right: program.right[index], constant: program.constants[index]))
        }
        self.entries = entries
        isDynamic = Self.reach(entries) { engine.symbols[$0].kind.isSetDuringRun }
        dependents = engine.symbols.indices.map { symbol in
            guard engine.symbols[symbol].kind.isSetDuringRun else { return [] }
            let isReached = Self.reach(entries) { $0 == symbol }
            return isReached.indices.filter { isReached[$0] }.map { Int32($0) }
        }
    }

    var count: Int { entries.count }

    var hasDynamicEntries: Bool { isDynamic.contains(true) }

    /// Which entries depend on a symbol of the given kind.
    private static func reach(_ entries: [Entry], from isSource: (Int) -> Bool) -> [Bool] {
        var isReached = [Bool](repeating: false, count: entries.count)
        for (index, entry) in entries.enumerated() {
            switch entry.op {
            case .constant: break
            case .symbol: isReached[index] = isSource(Int(entry.left))
            default: isReached[index] = isReached[Int(entry.left)] || isReached[Int(entry.right)]
            }
        }
        return isReached
    }

    /// Computes all entries. `values` has `count` elements, `symbols` one for each symbol of the engine.
    func evaluate(_ values: UnsafeMutablePointer<Int64>, symbols: UnsafePointer<Int64>) {
        entries.withUnsafeBufferPointer { entries in
            for index in entries.indices { values[index] = Self.value(entries[index], values, symbols) }
        }
    }

    /// Computes again what depends on a symbol that is set during the run.
    func update(_ values: UnsafeMutablePointer<Int64>, symbols: UnsafePointer<Int64>, after symbol: Int) {
        entries.withUnsafeBufferPointer { entries in
            for index in dependents[symbol] {
                values[Int(index)] = Self.value(entries[Int(index)], values, symbols)
            }
        }
    }

    @inline(__always)
    private static func value(
        _ entry: Entry, _ values: UnsafeMutablePointer<Int64>, _ symbols: UnsafePointer<Int64>
    ) -> Int64 {
        if entry.op == .constant { return entry.constant }
        if entry.op == .symbol { return symbols[Int(entry.left)] }
        let (a, b) = (values[Int(entry.left)], values[Int(entry.right)])
        guard a != undefined, b != undefined else { return undefined }
        switch entry.op {
        case .constant, .symbol: return undefined
        case .add: return defined(a.addingReportingOverflow(b))
        case .multiply: return defined(a.multipliedReportingOverflow(by: b))
        case .floorDivide: return floorDivide(a, b)
        case .modulo:
            guard b != 0 else { return undefined }
            let rest = b == -1 ? 0 : a % b
            return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
        case .minimum: return min(a, b)
        case .maximum: return max(a, b)
        }
    }

    @inline(__always)
    private static func defined(_ result: (partialValue: Int64, overflow: Bool)) -> Int64 {
        result.overflow ? undefined : result.partialValue
    }

    /// `a` is not the least number, which is `undefined`, so no quotient overflows.
    @inline(__always)
    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        guard b != 0 else { return undefined }
        let quotient = a / b
        return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient
    }
}

extension ExpressionTable {
    /// Where each entry's values lie if the given symbols lie in the given ranges and all others have their values.
    /// Ends that are not known are the ends of `Int64`.
    func ranges(
        values: UnsafePointer<Int64>, symbols: [ClosedRange<Int64>?]
    ) -> [ClosedRange<Int64>] {
        var ranges: [ClosedRange<Int64>] = []
        ranges.reserveCapacity(count)
        for (index, entry) in entries.enumerated() {
            guard isDynamic[index] else {
                ranges.append(values[index]...values[index])
                continue
            }
            let range: ClosedRange<Int64> =
                switch entry.op {
                case .constant: entry.constant...entry.constant
                case .symbol: symbols[Int(entry.left)] ?? ValueRange.all
                default: ValueRange.apply(entry.op, ranges[Int(entry.left)], ranges[Int(entry.right)])
                }
            ranges.append(range)
        }
        return ranges
    }
}

extension Engine.SymbolKind {
    /// Whether the symbol has no value before the run.
    var isSetDuringRun: Bool {
        switch self {
        case .bound, .counter: true
        case .input, .offset: false
        }
    }
}
