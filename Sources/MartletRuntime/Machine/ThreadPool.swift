/// Threads that share the grid of one kernel at a time with the thread that calls.
///
/// A call whose pool is busy, or whose grid is too little work to wake it, is simply not taken; the caller then
/// computes alone. A worker spins for a short while after the last grid, so that the next one starts within a
/// microsecond, then parks.
final class ThreadPool: Sendable {
    /// Threads that compute, the caller included.
    let threadCount: Int
    private let core: PoolCore
    private let workers: [Worker]

    /// Least work for which sleeping workers are woken, in nanoseconds: waking one takes 10 to 30 microseconds.
    static let wakeThreshold: Double = 60_000

    /// A pool of `threadCount` threads; the first is whoever calls `run`. Threads that the system refuses are left out.
    init(threadCount: Int) {
        let core = PoolCore(threads: max(1, min(threadCount, PoolCore.maximumThreads)))
        self.core = core
        workers = (1..<max(core.threads, 1)).compactMap { Worker(core: core, index: $0) }
        self.threadCount = core.threads
    }

    deinit {
        core.stop()
        for worker in workers { worker.join() }
    }

    /// Wakes sleeping workers, because work will come soon.
    func rouse() {
        if core.sleeping > 0 { core.wake() }
    }

    /// Shares out the grid and returns true when all of it is computed; false, with nothing done, if the pool is busy
    /// or asleep and `work` (in nanoseconds) is not worth waking it.
    func run(_ job: GridJob, work: Double) -> Bool {
        let isWorthWaking = work >= ThreadPool.wakeThreshold
        guard !workers.isEmpty, isWorthWaking || core.sleeping < workers.count, core.tryAcquire() else { return false }
        core.run(job, wakes: isWorthWaking)
        core.release()
        return true
    }
}

/// The calling convention of kernels, ABI version 1: bases, words, first, last, scratch.
typealias KernelFunction =
    @convention(c) (
        UnsafeMutablePointer<UInt64>, UnsafeMutablePointer<Int64>, Int64, Int64, UnsafeMutableRawPointer?
    ) -> Void
