internal import MartletEngine
internal import Synchronization

/// Everything about a run that follows from the shapes of the inputs: sizes, places in the arena, words of the kernels.
///
/// A plan is immutable but for its store of frames, so that any number of threads may run it.
///
/// Unsafe parts and their invariants: `values`, `symbols`, `words` and `byteCounts` are written only by `init` and
/// freed by `deinit`; a run of an engine with sizes known only during the run works on copies in its frame.
public final class ShapePlan: @unchecked Sendable {
    /// Shapes of the inputs, in the order of the engine.
    public let inputShapes: [[Int]]
    /// Shapes of the outputs; where an extent is known only during the run, the greatest it may have, `Int.max` if that
    /// is not known either.
    public let outputShapes: [[Int]]
    /// Bytes of each input's tensor.
    public let inputByteCounts: [Int]
    /// Bytes that memory for each output must have; 0 for those that get their memory during the run.
    public let outputByteCounts: [Int]
    /// Outputs that get their memory during the run, as no useful bound of their size is known before.
    public let growingOutputs: [Int]
    /// Bytes of the arena, without scratch memory and without values that get their memory during the run.
    public let arenaByteCount: Int
    /// Scratch memory of each thread, in bytes; a multiple of 64.
    public let scratchByteCount: Int
    /// Which specialisation of the engine it is for; nil for the engine itself.
    let specialisation: Int?
    /// Estimated time of the steps that are worth sharing out, in nanoseconds of one thread.
    let sharedWork: Double

    let values: UnsafeMutablePointer<Int64>
    let symbols: UnsafeMutablePointer<Int64>
    let words: UnsafeMutablePointer<Int64>
    /// Bytes behind each base; -1 for outputs that have no memory before the run.
    let byteCounts: UnsafeMutablePointer<Int64>
    /// How many bases there are.
    let baseCount: Int
    /// For each buffer whether it gets its memory during the run.
    let grows: [Bool]
    /// For each output whether it gets its memory during the run.
    let growsOutput: [Bool]
    /// Whether scratch memory may have to be larger than `scratchByteCount`.
    let growsScratch: Bool
    /// Whether anything gets its memory during the run.
    let hasGrowth: Bool
    private let frames: Mutex<[RunFrame]>

    init(_ parts: PlanBuilder, specialisation: Int? = nil) {
        self.specialisation = specialisation
        inputShapes = parts.inputShapes
        outputShapes = parts.outputShapes
        inputByteCounts = parts.inputByteCounts
        outputByteCounts = parts.outputByteCounts
        arenaByteCount = parts.arenaByteCount
        scratchByteCount = parts.scratchByteCount
        sharedWork = parts.sharedWork
        values = Self.copy(parts.values)
        symbols = Self.copy(parts.symbols)
        words = Self.copy(parts.words)
        byteCounts = Self.copy(parts.baseByteCounts.map { Int64($0) })
        baseCount = parts.baseByteCounts.count
        grows = parts.grows
        growsOutput = parts.growsOutput
        growsScratch = parts.growsScratch
        growingOutputs = growsOutput.indices.filter { parts.growsOutput[$0] }
        hasGrowth = growsScratch || !growingOutputs.isEmpty || grows.contains(true)
        var store: [RunFrame] = []
        store.reserveCapacity(Self.maximumIdleFrames)
        frames = Mutex(store)
    }

    deinit {
        values.deallocate()
        symbols.deallocate()
        words.deallocate()
        byteCounts.deallocate()
    }

    private static func copy(_ source: [Int64]) -> UnsafeMutablePointer<Int64> {
        let memory = UnsafeMutablePointer<Int64>.allocate(capacity: max(source.count, 1))
        memory.initialize(from: source, count: source.count)
        return memory
    }

    private static let maximumIdleFrames = 8

    /// A frame no other run uses.
    func takeFrame(for engine: LoadedEngine) -> RunFrame {
        frames.withLock { $0.popLast() } ?? RunFrame(engine, self)
    }

    /// Keeps a frame for the next run.
    func giveBack(_ frame: RunFrame) {
        frames.withLock { if $0.count < Self.maximumIdleFrames { $0.append(frame) } }
    }

    /// Whether the plan is for these shapes; allocates nothing.
    func matches(_ shapes: [[Int]]) -> Bool { inputShapes == shapes }
}
