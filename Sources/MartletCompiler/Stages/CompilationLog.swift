import Synchronization

/// What a compilation did: how long each phase took, how far it is, and the decisions that bisection counts.
///
/// Phases may be nested; each is charged for its own time only. One thread at a time compiles into a log.
public final class CompilationLog: Sendable {
    /// A part of the work.
    public struct Phase: Sendable, Hashable {
        /// What it does.
        public let name: String
        /// Time without that of phases inside it.
        public internal(set) var seconds = 0.0
        /// The most memory that the process held meanwhile; nil where it was not measured.
        public internal(set) var peakBytes: Int?
    }

    fileprivate struct Open {
        let phase: Int
        let start: ContinuousClock.Instant
        var inside = Duration.zero
    }

    fileprivate struct State {
        var phases: [Phase] = []
        var open: [Open] = []
        var fusions = 0
        var lastFusion: String?
    }

    private let state = Mutex(State())
    private let measuresMemory: Bool
    private let onProgress: (@Sendable (_ phase: String, _ done: Int, _ count: Int) -> Void)?

    /// An empty log.
    ///
    /// - Parameters:
    ///   - measuresMemory: whether phases have `peakBytes`.
    ///   - onProgress: called when a phase begins, and with numbers of kernels while these are compiled; from any thread.
    public init(
        measuresMemory: Bool = false,
        onProgress: (@Sendable (_ phase: String, _ done: Int, _ count: Int) -> Void)? = nil
    ) {
        self.measuresMemory = measuresMemory
        self.onProgress = onProgress
    }

    /// The phases in the order in which they began.
    public var phases: [Phase] { state.withLock { $0.phases } }
    /// Values that were computed where they are read, instead of being stored.
    public var fusionCount: Int { state.withLock { $0.fusions } }
    /// The latest of these: the source node.
    public var lastFusion: String? { state.withLock { $0.lastFusion } }

    /// Runs `body` as a phase; one of the same name goes on.
    public func measure<R>(_ phase: String, _ body: () throws -> R) rethrows -> R {
        begin(phase)
        defer { end() }
        return try body()
    }

    /// Says how many kernels of the present phase are done.
    func report(_ phase: String, _ done: Int, of count: Int) { onProgress?(phase, done, count) }

    func noteFusion(of node: String) { state.withLock { ($0.fusions, $0.lastFusion) = ($0.fusions + 1, node) } }

    private func begin(_ name: String) {
        let peak = measuresMemory ? PeakMemory.take() : nil
        state.withLock { state in
            state.notePeak(peak)
            let known = state.phases.firstIndex { $0.name == name }
            if known == nil { state.phases.append(Phase(name: name)) }
            state.open.append(Open(phase: known ?? state.phases.count - 1, start: .now))
        }
        onProgress?(name, 0, 0)
    }

    private func end() {
        let peak = measuresMemory ? PeakMemory.take() : nil
        state.withLock { state in
            state.notePeak(peak)
            guard let phase = state.open.popLast() else { return }
            let whole = phase.start.duration(to: .now)
            state.phases[phase.phase].seconds += (whole - phase.inside) / .seconds(1)
            if let last = state.open.indices.last { state.open[last].inside += whole }
        }
    }
}

extension CompilationLog.State {
    /// Charges the innermost phase with the memory held since the last call.
    fileprivate mutating func notePeak(_ bytes: Int?) {
        guard let bytes, let phase = open.last?.phase else { return }
        phases[phase].peakBytes = max(phases[phase].peakBytes ?? 0, bytes)
    }
}
