internal import Glibc
internal import MartletCore
internal import Synchronization

/// A block of zero-filled or reused pages. Invariant: the pages stay mapped, readable and writable, while the object
/// lives; who has leased the block is the only one to touch them.
final class MemoryBlock: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let count: Int

    /// Maps at least `count` bytes.
    ///
    /// - Throws: `run.out-of-memory`.
    init(count: Int) throws {
        let (padded, overflow) = max(count, 1).addingReportingOverflow(MemoryBlock.granule - 1)
        let size = padded & ~(MemoryBlock.granule - 1)
        let address =
            overflow
            ? MAP_FAILED
            : mmap(
                nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let address, address != MAP_FAILED else {
            throw Diagnostic("run.out-of-memory", "the system refuses \(count) bytes for a run")
        }
        start = address
        self.count = size
    }

    deinit {
        munmap(start, count)
    }

    /// Sizes are multiples of this, so that blocks fit again when shapes change a little.
    static let granule = 0x1_0000
}

/// Blocks not in use, kept for the next run. Bounded in number, and a block for which there was no use during many
/// leases is given back to the system.
final class MemoryPool: Sendable {
    private struct Idle {
        var block: MemoryBlock
        /// The count of leases when the block came back.
        var since: Int
    }

    private struct State {
        var idle: [Idle] = []
        var leases = 0
    }

    private let state: Mutex<State>
    private let maximumIdle: Int
    private let patience: Int

    /// A pool that keeps at most `maximumIdle` blocks, each during at most about `patience` leases.
    init(maximumIdle: Int = 128, patience: Int = 1024) {
        self.maximumIdle = maximumIdle
        self.patience = patience
        var state = State()
        state.idle.reserveCapacity(maximumIdle + 1)
        self.state = Mutex(state)
    }

    /// A block of at least `count` bytes of arbitrary contents: the smallest idle one that fits and is not more than
    /// four times too large, else a new one.
    ///
    /// - Throws: `run.out-of-memory`.
    func lease(_ count: Int) throws -> MemoryBlock {
        let found: MemoryBlock? = state.withLock { state in
            state.leases &+= 1
            var best: Int?
            for index in state.idle.indices where state.idle[index].block.count >= count {
                if let known = best, state.idle[known].block.count <= state.idle[index].block.count { continue }
                best = index
            }
            guard let best, state.idle[best].block.count / 4 <= max(count, MemoryBlock.granule) else { return nil }
            return state.idle.remove(at: best).block
        }
        return try found ?? MemoryBlock(count: count)
    }

    /// Takes a block back; the one that has been idle longest goes if there are too many or it is never used.
    func giveBack(_ block: MemoryBlock) {
        let surplus: MemoryBlock? = state.withLock { state in
            state.idle.append(Idle(block: block, since: state.leases))
            // Blocks are appended as they come back, so the first has waited longest.
            guard state.idle.count > maximumIdle || state.leases &- state.idle[0].since > patience else { return nil }
            return state.idle.removeFirst().block
        }
        // Unmapped here, outside of the lock.
        _ = surplus
    }

    /// Gives all idle memory back to the system.
    func trim() {
        let blocks = state.withLock { state in
            defer { state.idle.removeAll(keepingCapacity: true) }
            return state.idle
        }
        _ = blocks
    }

    /// Bytes held idle.
    var idleBytes: Int { state.withLock { $0.idle.reduce(0) { $0 + $1.block.count } } }
}

/// Memory of an output: of the heap if it is small, else a leased block that goes back with the last reference.
///
/// Invariant: `start` is the address of at least `count` bytes, aligned to 64, while the object lives.
final class OutputMemory: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let count: Int
    private let lease: (pool: MemoryPool, block: MemoryBlock)?

    /// At least `count` bytes of arbitrary contents.
    ///
    /// - Throws: `run.out-of-memory`.
    init(_ count: Int, from pool: MemoryPool) throws {
        self.count = count
        if count >= MemoryBlock.granule {
            let block = try pool.lease(count)
            (start, lease) = (block.start, (pool, block))
        } else {
            start = .allocate(byteCount: max(count, 1), alignment: 64)
            lease = nil
        }
    }

    deinit {
        if let lease { lease.pool.giveBack(lease.block) } else { start.deallocate() }
    }
}
