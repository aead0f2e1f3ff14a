import Synchronization

/// Compiled kernels by the hash of what they were made from, in memory and in a folder. A damaged file, a full disk or
/// a folder that cannot be written never is an error: the kernel is compiled again.
public final class KernelCache: Sendable {
    /// What a cache did so far.
    public struct Statistics: Hashable, Sendable {
        /// Kernels found in memory.
        public var memoryHits = 0
        /// Kernels found in the folder.
        public var folderHits = 0
        /// Kernels found nowhere.
        public var misses = 0
        /// Files that were not what was written under their name; they are removed.
        public var damaged = 0
        /// Kernels that could not be written.
        public var failedWrites = 0
    }

    fileprivate struct State {
        var folder: KernelFolder?
        var statistics = Statistics()
        var memory: [KernelKey: LinkedCode] = [:]
        // In the order of insertion, to remove the oldest first.
        var order: [KernelKey] = []
        var memoryBytes = 0
    }

    /// Why nothing is kept in a folder; nil where one is used.
    public let folderProblem: String?
    private let memoryLimit: Int
    private let state: Mutex<State>

    /// A cache in `folder` (only in memory if nil) of at most `folderLimit` and `memoryLimit` bytes.
    public init(folder: String?, folderLimit: Int = 256 << 20, memoryLimit: Int = 64 << 20) {
        var reason = "no folder was given"
        let opened = folder.flatMap { KernelFolder(path: $0, limit: folderLimit, reason: &reason) }
        folderProblem = opened == nil ? reason : nil
        self.memoryLimit = memoryLimit
        state = Mutex(State(folder: opened))
    }

    /// What the cache did so far.
    public var statistics: Statistics { state.withLock { $0.statistics } }

    /// The code kept under a key.
    public func code(for key: KernelKey) -> LinkedCode? {
        state.withLock { state in
            if let code = state.memory[key] {
                state.statistics.memoryHits += 1
                return code
            }
            if let code = state.readFolder(key) {
                state.statistics.folderHits += 1
                state.remember(code, key, limit: memoryLimit)
                return code
            }
            state.statistics.misses += 1
            return nil
        }
    }

    /// Keeps code under a key.
    public func store(_ code: LinkedCode, for key: KernelKey) {
        state.withLock { state in
            state.remember(code, key, limit: memoryLimit)
            guard state.folder != nil else { return }
            let written = state.folder?.write(KernelRecord.encode(code, key: key), key) ?? false
            if !written { state.statistics.failedWrites += 1 }
        }
    }
}

extension KernelCache.State {
    fileprivate mutating func readFolder(_ key: KernelKey) -> LinkedCode? {
        guard let folder, let bytes = folder.read(key) else { return nil }
        if let code = KernelRecord.decode(bytes, key: key) { return code }
        statistics.damaged += 1
        folder.remove(key)
        return nil
    }

    fileprivate mutating func remember(_ code: LinkedCode, _ key: KernelKey, limit: Int) {
        guard memory[key] == nil, code.bytes.count <= limit else { return }
        memory[key] = code
        order.append(key)
        memoryBytes += code.bytes.count
        guard memoryBytes > limit else { return }
        var removed = 0
        while memoryBytes > limit / 8 * 7, removed < order.count - 1 {
            memoryBytes -= memory.removeValue(forKey: order[removed])?.bytes.count ?? 0
            removed += 1
        }
        order.removeFirst(removed)
    }
}
