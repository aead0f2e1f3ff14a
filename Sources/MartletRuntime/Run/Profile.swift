/// Times of the steps of the runs that it is given to, summed up.
///
/// Recording allocates nothing. A profile belongs to one variant of an engine and to one run at a time.
public final class Profile {
    /// One step of the engine.
    public struct Entry: Sendable {
        /// Number of the step in pre-order.
        public let step: Int
        /// Name of the kernel, or the kind of step.
        public let name: String
        /// Names of the source nodes.
        public let origins: [String]
        /// The compiler's remark.
        public let note: String
        /// How often it ran.
        public let count: Int
        /// How often its grid was shared among threads.
        public let sharedCount: Int
        /// Time of all runs, in nanoseconds.
        public let nanoseconds: Int
        /// When it last began, in nanoseconds of the monotonic clock, and how long it then took.
        public let last: (start: UInt64, nanoseconds: Int)
    }

    private struct Record {
        var count = 0
        var sharedCount = 0
        var nanoseconds: UInt64 = 0
        var lastStart: UInt64 = 0
        var lastTime: UInt64 = 0
    }

    private let steps: [Schedule.StepInfo]
    private var records: [Record]

    /// An empty profile for runs of an engine without specialisations.
    public init(_ engine: LoadedEngine) {
        steps = engine.schedule.steps
        records = Array(repeating: Record(), count: steps.count)
    }

    /// An empty profile for runs of a plan: the steps are those of the variant that runs it.
    ///
    /// - Throws: `run.arguments` for a plan of another engine.
    public convenience init(_ engine: LoadedEngine, plan: ShapePlan) throws {
        self.init(try engine.program(of: plan))
    }

    /// Forgets all times.
    public func reset() {
        for index in records.indices { records[index] = Record() }
    }

    /// The steps that ran, in pre-order.
    public var entries: [Entry] {
        records.indices.filter { records[$0].count > 0 }.map { index in
            let record = records[index]
            let step = steps[index]
            return Entry(
                step: index, name: step.label, origins: step.origins, note: step.note, count: record.count,
                sharedCount: record.sharedCount, nanoseconds: Int(clamping: record.nanoseconds),
                last: (record.lastStart, Int(clamping: record.lastTime)))
        }
    }

    func record(step: Int, from start: UInt64, to end: UInt64, isShared: Bool) {
        guard records.indices.contains(step) else { return }
        let time = end >= start ? end - start : 0
        records[step].count += 1
        records[step].sharedCount += isShared ? 1 : 0
        records[step].nanoseconds &+= time
        records[step].lastStart = start
        records[step].lastTime = time
    }
}
