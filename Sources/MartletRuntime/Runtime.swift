internal import Glibc
internal import MartletCore
public import MartletEngine
internal import Synchronization

/// Threads, memory and open engines, shared by everything that runs in it.
///
/// Most programs need only `Runtime.shared`; one of your own has its own threads and gives everything back with the
/// last reference.
public final class Runtime: Sendable {
    /// The runtime of the process, made on first use, with as many threads as affinity and control group allow.
    public static let shared = Runtime()

    /// Threads that may compute one run, the caller included.
    public let threadCount: Int
    /// The most bytes that one run may take for values whose size is known only during the run and has no useful bound.
    public let growthLimit: Int
    /// The most bytes that one run may take for its outputs, values and scratch memory, as far as their sizes are known
    /// before it.
    public let memoryLimit: Int
    let memory = MemoryPool()
    private let state: Mutex<State>

    private struct State {
        var pool: ThreadPool?
        var engines: [FileIdentity: WeakEngine] = [:]
    }

    private struct WeakEngine {
        weak var engine: LoadedEngine?
    }

    /// A runtime with `threads` threads, the calling one included; by default as many as affinity and control group
    /// allow this process. Its threads start with the first run that needs them.
    ///
    /// Values whose size is known only during the run, and of which no useful bound is known before, may take
    /// `growthLimit` bytes in each run; by default half of `memoryLimit`. Everything else of a run may take `memoryLimit`
    /// bytes, by default as many as the machine has.
    public init(threads: Int? = nil, growthLimit: Int? = nil, memoryLimit: Int? = nil) {
        self.memoryLimit = max(memoryLimit ?? MachineMemory.byteCount, 0)
        self.growthLimit = max(growthLimit ?? self.memoryLimit / 2, 0)
        threadCount = max(1, min(threads ?? ThreadCount.available(), PoolCore.maximumThreads))
        state = Mutex(State())
    }

    /// Makes an engine ready to run.
    ///
    /// - Throws: `engine.invalid`, `engine.incompatible` if it was made for another machine, `engine.code-refused`.
    public func load(_ engine: Engine) throws -> LoadedEngine {
        try LoadedEngine(engine, runtime: self)
    }

    /// Opens an engine file; while it is open, opening the unchanged file again gives the same object.
    ///
    /// - Throws: as `load`, and as `EngineReader`.
    public func open(_ path: String) throws -> LoadedEngine {
        let identity = FileIdentity(path: path)
        if let identity, let known = state.withLock({ $0.engines[identity]?.engine }) { return known }
        let loaded = try load(Engine(contentsOf: path))
        if let identity {
            state.withLock { state in
                state.engines = state.engines.filter { $0.value.engine != nil }
                state.engines[identity] = WeakEngine(engine: loaded)
            }
        }
        return loaded
    }

    /// Gives idle memory back to the system.
    public func trim() {
        memory.trim()
    }

    /// Bytes kept for the next run.
    public var idleByteCount: Int { memory.idleBytes }

    /// The pool; nil for one thread.
    var pool: ThreadPool? {
        guard threadCount > 1 else { return nil }
        return state.withLock { state in
            if let pool = state.pool { return pool }
            let pool = ThreadPool(threadCount: threadCount)
            state.pool = pool
            return pool
        }
    }
}

/// What tells a file from others and from itself after it was replaced.
private struct FileIdentity: Hashable {
    let device: UInt
    let inode: UInt
    let size: Int
    let seconds: Int
    let nanoseconds: Int

    /// nil if the file cannot be examined.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
