import Glibc
import Synchronization

/// Threads for work that would occupy a thread of Swift's cooperative pool for long: compiling and running models.
///
/// A thread is made when all are busy and ends when it had nothing to do for some seconds.
final class RunThreads: Sendable {
    /// Those of the process.
    static let shared = RunThreads(limit: 64, patience: 5)

    private typealias Work = @Sendable () -> Void

    private struct State {
        var queue: [Work] = []
        var threads = 0
        /// Threads that wait for work or come to look for it next. One counts from the moment its result is known: who
        /// waits for that may ask again before the thread is back.
        var free = 0
    }

    private let state = Mutex(State())
    private let wake = Wake()
    private let limit: Int
    private let patience: Int

    /// At most `limit` threads, each of which ends after `patience` seconds without work.
    init(limit: Int, patience: Int) {
        (self.limit, self.patience) = (limit, patience)
    }

    /// Runs `body` on one of the threads and gives its result.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            enqueue {
                let result = Swift.Result(catching: body)
                self.state.withLock { $0.free += 1 }
                continuation.resume(with: result)
            }
        }
    }

    private func enqueue(_ work: @escaping Work) {
        let needsThread = state.withLock { state in
            state.queue.append(work)
            guard state.free < state.queue.count, state.threads < limit else { return false }
            state.threads += 1
            state.free += 1
            return true
        }
        if needsThread, !startThread() {
            // Without a thread the caller's must do it, unless another will come to it.
            let isAlone = state.withLock { state in
                state.threads -= 1
                state.free -= 1
                return state.threads == 0
            }
            if isAlone { next()?() }
        }
        wake.signal()
    }

    private func startThread() -> Bool {
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let owner = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<RunThreads>.fromOpaque(argument).takeRetainedValue().serve()
                return nil
            }, owner.toOpaque())
        if failure != 0 { owner.release() }
        return failure == 0
    }

    private func next() -> Work? {
        state.withLock { state in
            guard !state.queue.isEmpty else { return nil }
            state.free -= 1
            return state.queue.removeFirst()
        }
    }

    private func serve() {
        while true {
            if let work = next() {
                work()
                continue
            }
            guard !wake.wait(seconds: patience) else { continue }
            let ends = state.withLock { state in
                guard state.queue.isEmpty else { return false }
                state.threads -= 1
                state.free -= 1
                return true
            }
            if ends { return }
        }
    }
}

/// A semaphore whose waiting ends after some time.
///
/// Unsafe part and its invariant: the address of the semaphore never changes and is freed with the object.
private final class Wake: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    /// Whether a signal came in time.
    func wait(seconds: Int) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += seconds
        while sem_timedwait(semaphore, &deadline) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}
