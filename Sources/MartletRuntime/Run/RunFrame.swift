internal import MartletEngine

/// The memory of one run beside its arena: base table, status block, and copies of what changes during the run.
///
/// Invariants: a frame is used by one run at a time (it is taken from its plan and given back); all pointers are into
/// memory of the frame or of its plan, which the run keeps alive. `words`, `values` and `byteCounts` are the plan's
/// own, and only read, if the engine has no size that is known only during the run.
final class RunFrame: @unchecked Sendable {
    /// Size of the status block: one cache line; its first word is the violation.
    static let statusByteCount = 64
    /// The status word of a run without violation.
    static let noViolation = UInt64.max

    let bases: UnsafeMutablePointer<UInt64>
    let status: UnsafeMutablePointer<UInt64>
    let values: UnsafeMutablePointer<Int64>
    let symbols: UnsafeMutablePointer<Int64>
    let words: UnsafeMutablePointer<Int64>
    /// Bytes behind each base; -1 for outputs that have no memory yet.
    let byteCounts: UnsafeMutablePointer<Int64>
    /// For each loop the turn, then the number of turns.
    let turns: UnsafeMutablePointer<Int64>

    private let block: UnsafeMutableRawPointer
    private let ownsValues: Bool
    private let counts: (values: Int, symbols: Int, words: Int, bases: Int)
    /// Memory that was leased during the run; nil if the plan has none.
    let grown: GrownMemory?

    init(_ engine: LoadedEngine, _ plan: ShapePlan) {
        ownsValues = engine.expressions.hasDynamicEntries
        let baseCount = engine.engine.baseCount
        counts =
            ownsValues
            ? (engine.expressions.count, engine.engine.symbols.count, engine.schedule.words.count, baseCount)
            : (0, 0, 0, 0)
        grown = plan.hasGrowth ? GrownMemory(engine) : nil
        let loopWords = 2 * engine.schedule.loops.count
        let total = 8 + baseCount + loopWords + counts.values + counts.symbols + counts.words + counts.bases
        block = .allocate(byteCount: 8 * total, alignment: 64)
        var next = block.bindMemory(to: UInt64.self, capacity: total)
        func take(_ count: Int) -> UnsafeMutablePointer<UInt64> {
            defer { next += count }
            next.initialize(repeating: 0, count: count)
            return next
        }
        func takeSigned(_ count: Int) -> UnsafeMutablePointer<Int64> {
            UnsafeMutableRawPointer(take(count)).bindMemory(to: Int64.self, capacity: count)
        }
        status = take(8)
        bases = take(baseCount)
        turns = takeSigned(loopWords)
        values = ownsValues ? takeSigned(counts.values) : plan.values
        symbols = ownsValues ? takeSigned(counts.symbols) : plan.symbols
        words = ownsValues ? takeSigned(counts.words) : plan.words
        byteCounts = ownsValues ? takeSigned(counts.bases) : plan.byteCounts
    }

    deinit {
        block.deallocate()
    }

    /// Brings the frame to the state before a run.
    func reset(_ plan: ShapePlan) {
        status.pointee = RunFrame.noViolation
        bases[Engine.statusBase] = UInt64(UInt(bitPattern: status))
        guard ownsValues else { return }
        values.update(from: plan.values, count: counts.values)
        symbols.update(from: plan.symbols, count: counts.symbols)
        words.update(from: plan.words, count: counts.words)
        byteCounts.update(from: plan.byteCounts, count: counts.bases)
    }
}
