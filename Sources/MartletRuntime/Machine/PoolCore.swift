internal import CMartlet
internal import Glibc
internal import MartletCore
internal import Synchronization

/// What the threads of a pool share: the job, its chunks, and who sleeps.
///
/// Unsafe parts and their invariants:
/// - `claims` holds one word per thread, `stride` words apart so that no two share a cache line. A word packs the
///   region's number (32 bits), the next chunk (16) and the end (16). A chunk belongs to who advances the word by
///   compare-and-swap; the number makes a word of an earlier region differ from any of a later one.
/// - `job` is written only by the thread that holds `isBusy`, before the claim words of its region are stored
///   (release). It is read only after a chunk was claimed (acquire), and the region ends, letting `run` return, only
///   when every claimed chunk was counted off `remaining` (release and acquire). So reads and writes of `job` never
///   overlap, and a kernel's code and memory are in use only while its `run` has not returned.
/// - A worker that is about to sleep announces itself in `sleepers`, then sleeps only if `wakeWord` is still what it
///   saw before it last looked for chunks; who brings work changes `wakeWord`, then looks at `sleepers`. With all four
///   sequentially consistent no wake-up is lost.
final class PoolCore: @unchecked Sendable {
    static let maximumThreads = 1024
    /// Chunks per thread: enough to even out threads that start late, few enough to cost nothing.
    static let chunksPerThread = 4
    /// Most chunks of a grid; a claim word has 16 bits for them.
    static let maximumChunks = 0x7fff
    /// How long a worker spins for more, in nanoseconds.
    static let spinTime: UInt64 = 50_000
    private static let stride = 16

    let threads: Int
    private let claims: UnsafeMutablePointer<Atomic<UInt64>>
    private let wakeWord: UnsafeMutablePointer<Atomic<UInt32>>
    private let job: UnsafeMutablePointer<GridJob?>
    private let isBusy = Atomic<Bool>(false)
    private let isStopped = Atomic<Bool>(false)
    private let sleepers = Atomic<Int>(0)
    private let remaining = Atomic<Int>(0)
    /// Used by the holder of `isBusy` only.
    private var region: UInt32 = 0

    init(threads: Int) {
        self.threads = threads
        claims = .allocate(capacity: threads * Self.stride)
        for index in 0..<threads * Self.stride { (claims + index).initialize(to: Atomic(0)) }
        wakeWord = .allocate(capacity: 1)
        wakeWord.initialize(to: Atomic(0))
        job = .allocate(capacity: 1)
        job.initialize(to: nil)
    }

    deinit {
        claims.deinitialize(count: threads * Self.stride)
        claims.deallocate()
        wakeWord.deinitialize(count: 1)
        wakeWord.deallocate()
        job.deinitialize(count: 1)
        job.deallocate()
    }

    /// Workers that sleep or are about to.
    var sleeping: Int { sleepers.load(ordering: .relaxed) }

    func tryAcquire() -> Bool { !isBusy.exchange(true, ordering: .acquiring) }

    func release() { isBusy.store(false, ordering: .releasing) }

    func wake() {
        wakeWord.pointee.add(1, ordering: .sequentiallyConsistent)
        cm_futex_wake(UnsafeRawPointer(wakeWord), Int32.max)
    }

    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        wake()
    }
}

/// The caller's side.
extension PoolCore {
    /// Computes all chunks of the job; the caller holds `isBusy`.
    func run(_ job: GridJob, wakes: Bool) {
        self.job.pointee = job
        remaining.store(job.chunks, ordering: .relaxed)
        region &+= 1
        for thread in 0..<threads {
            let (next, end) = (thread * job.chunks / threads, (thread + 1) * job.chunks / threads)
            let word = UInt64(region) << 32 | UInt64(next) << 16 | UInt64(end)
            claims[thread * Self.stride].store(word, ordering: .releasing)
        }
        wakeWord.pointee.add(1, ordering: .sequentiallyConsistent)
        if wakes, sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            cm_futex_wake(UnsafeRawPointer(wakeWord), Int32.max)
        }
        computeChunks(thread: 0)
        waitForOthers()
    }

    /// Other threads are inside their last chunks, or were put aside by the system in the middle of one.
    private func waitForOthers() {
        var turns = 0
        while remaining.load(ordering: .acquiring) > 0 {
            turns += 1
            if turns < 4096 { cm_pause() } else { sched_yield() }
        }
    }
}

/// The workers' side.
extension PoolCore {
    /// What a worker does until the pool ends.
    func work(thread: Int) {
        FloatingPointMode.setIEEE()
        var seen = wakeWord.pointee.load(ordering: .acquiring)
        while !isStopped.load(ordering: .relaxed) {
            computeChunks(thread: thread)
            seen = waitForWork(since: seen)
        }
    }

    /// Spins, then sleeps, until the wake word is no longer `seen`; the new word.
    private func waitForWork(since seen: UInt32) -> UInt32 {
        let deadline = Clock.nanoseconds() + Self.spinTime
        while true {
            for _ in 0..<32 {
                let word = wakeWord.pointee.load(ordering: .acquiring)
                if word != seen { return word }
                cm_pause()
            }
            if Clock.nanoseconds() > deadline { break }
        }
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while wakeWord.pointee.load(ordering: .sequentiallyConsistent) == seen {
            cm_futex_wait(UnsafeRawPointer(wakeWord), seen)
        }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        return wakeWord.pointee.load(ordering: .acquiring)
    }

    /// Computes chunks, its own first and then those of others, until none is left to claim.
    private func computeChunks(thread: Int) {
        var done = 0
        for distance in 0..<threads {
            let owner = (thread + distance) % threads
            while let chunk = claim(from: owner), let job = job.pointee {
                job.compute(chunk: chunk, thread: thread)
                done += 1
            }
        }
        if done > 0 { remaining.subtract(done, ordering: .releasing) }
    }

    private func claim(from owner: Int) -> Int? {
        let word = owner * Self.stride
        var value = claims[word].load(ordering: .relaxed)
        while value >> 16 & 0xffff < value & 0xffff {
            let (exchanged, original) = claims[word].weakCompareExchange(
                expected: value, desired: value + 0x1_0000, ordering: .acquiring)
            if exchanged { return Int(value >> 16 & 0xffff) }
            value = original
        }
        return nil
    }
}

/// A thread of a pool.
final class Worker: @unchecked Sendable {
    // Unchecked only for the handle of the thread, which is written once.
    private let handle: pthread_t

    /// Starts thread `index` of the pool; nil if the system has no more threads.
    init?(core: PoolCore, index: Int) {
        let start = Unmanaged.passRetained(Start(core: core, index: index))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.core.work(thread: start.index)
                return nil
            }, start.toOpaque())
        guard status == 0 else {
            start.release()
            return nil
        }
        handle = thread
    }

    /// Waits until the thread has ended.
    func join() {
        pthread_join(handle, nil)
    }

    private final class Start {
        let core: PoolCore
        let index: Int

        init(core: PoolCore, index: Int) {
            (self.core, self.index) = (core, index)
        }
    }
}
