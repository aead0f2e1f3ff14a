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
    /// Whether an entry depends on a symbol that is set during a run: a size, or the place of a value that may grow.
    let isDynamic: [Bool]
    /// For each symbol the entries that depend on it, ascending; empty for symbols that no run sets.
    private let dependents: [[Int32]]
    /// For each entry the value that may grow and whose place the entry depends on: its number as a buffer.
    let owners: [Int32]

    /// The owner of entries that depend on no growing value.
    static let noOwner: Int32 = -1
    /// The owner of entries that depend on several.
    static let manyOwners: Int32 = -2

    /// The table of a valid engine, of whose buffers those numbered may grow.
    init(_ engine: Engine, growing: [Int] = []) {
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
        let mayGrow = Set(growing)
        let buffers = engine.symbols.map { symbol -> Int32 in
            guard case .offset(let buffer) = symbol.kind, mayGrow.contains(buffer) else { return Self.noOwner }
            return Int32(buffer)
        }
        let isSet = zip(engine.symbols, buffers).map { $0.kind.isSetDuringRun || $1 >= 0 }
        isDynamic = program.entries { isSet[$0] }
        dependents = Users(entries.map { ($0.op, $0.left, $0.right) }).dependents(of: isSet)
        owners = Self.owners(entries, buffers)
    }

    var count: Int { entries.count }

    var hasDynamicEntries: Bool { isDynamic.contains(true) }

    /// The entries that depend on a symbol that is set during the run, ascending.
    func dependents(of symbol: Int) -> [Int32] { dependents[symbol] }

    private static func owners(_ entries: [Entry], _ buffers: [Int32]) -> [Int32] {
        var owners = [Int32](repeating: noOwner, count: entries.count)
        for (index, entry) in entries.enumerated() {
            switch entry.op {
            case .constant: break
            case .symbol: owners[index] = buffers[Int(entry.left)]
            default:
                let (a, b) = (owners[Int(entry.left)], owners[Int(entry.right)])
                owners[index] = a == b || b == noOwner ? a : a == noOwner ? b : manyOwners
            }
        }
        return owners
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
    /// Where each entry's values lie if the given symbols lie in the given ranges, up to their limits, and all others
    /// have their values. Ends that are not known are the ends of `Int64`.
    func ranges(
        values: UnsafePointer<Int64>, symbols: [ClosedRange<Int64>?], limits: [ExprRef?]
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
                case .symbol:
                    ValueRange.limited(
                        symbols[Int(entry.left)] ?? ValueRange.all, by: limits[Int(entry.left)].map { ranges[Int($0)] })
                default: ValueRange.apply(entry.op, ranges[Int(entry.left)], ranges[Int(entry.right)])
                }
            ranges.append(range)
        }
        return ranges
    }
}

/// Which entries use which.
private struct Users {
    private let entries: [(op: ExprProgram.Op, left: Int32, right: Int32)]
    /// Users of entry i are `users[starts[i]..<starts[i + 1]]`.
    private var starts: [Int]
    private var users: [Int32]

    init(_ entries: [(op: ExprProgram.Op, left: Int32, right: Int32)]) {
        self.entries = entries
        var counts = [Int](repeating: 0, count: entries.count + 1)
        for entry in entries where Self.isCompound(entry.op) {
            counts[Int(entry.left) + 1] += 1
            counts[Int(entry.right) + 1] += 1
        }
        for index in entries.indices { counts[index + 1] += counts[index] }
        starts = counts
        users = [Int32](repeating: 0, count: counts[entries.count])
        for (index, entry) in entries.enumerated() where Self.isCompound(entry.op) {
            for operand in [Int(entry.left), Int(entry.right)] {
                users[counts[operand]] = Int32(index)
                counts[operand] += 1
            }
        }
    }

    private static func isCompound(_ op: ExprProgram.Op) -> Bool { op != .constant && op != .symbol }

    /// For each symbol that is wanted the entries that depend on it, ascending.
    func dependents(of isWanted: [Bool]) -> [[Int32]] {
        var roots = [[Int32]](repeating: [], count: isWanted.count)
        for (index, entry) in entries.enumerated() where entry.op == .symbol && isWanted[Int(entry.left)] {
            roots[Int(entry.left)].append(Int32(index))
        }
        var seen = [Int32](repeating: -1, count: entries.count)
        return roots.enumerated().map { symbol, roots in
            var found = roots
            for root in roots { seen[Int(root)] = Int32(symbol) }
            var next = 0
            while next < found.count {
                let entry = Int(found[next])
                next += 1
                for user in users[starts[entry]..<starts[entry + 1]] where seen[Int(user)] != Int32(symbol) {
                    seen[Int(user)] = Int32(symbol)
                    found.append(user)
                }
            }
            return found.sorted()
        }
    }
}
