import Glibc
import MartletCore
import Synchronization

/// A POSIX semaphore.
final class CountingSemaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}

/// Work that yields bytes and runs on a thread of its own with a large stack.
///
/// LLVM recurses deeply, and ends the process on an error it calls fatal unless its handler never returns. So the
/// handler stores the message as the task's result, wakes whoever waits, and sleeps for ever: the thread and its memory
/// are lost, the process and later tasks are not.
final class IsolatedTask: Sendable {
    typealias Output = Result<[UInt8], any Error>

    static let stackBytes = 64 << 20
    private static let running = Mutex<[UInt: IsolatedTask]>([:])

    private let body: @Sendable () throws -> [UInt8]
    private let state = Mutex<Output?>(nil)
    private let done: CountingSemaphore

    /// A task that signals `done` once when it has ended.
    init(done: CountingSemaphore, body: @escaping @Sendable () throws -> [UInt8]) {
        self.done = done
        self.body = body
    }

    /// What came out; nil until the task has ended.
    var output: Output? { state.withLock { $0 } }

    /// Starts the thread.
    func start() throws {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                if let argument { Unmanaged<IsolatedTask>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        if failure != 0 {
            context.release()
            throw Diagnostic.system("cannot start a thread for code generation", error: failure)
        }
    }

    private func run() {
        let key = UInt(pthread_self())
        Self.running.withLock { $0[key] = self }
        let output = Output(catching: body)
        _ = Self.running.withLock { $0.removeValue(forKey: key) }
        end(with: output)
    }

    private func end(with output: Output) {
        state.withLock { $0 = output }
        done.signal()
    }

    /// LLVM's handler of fatal errors: does not return on a thread of a task. On other threads it returns, and LLVM
    /// ends the process as if there were no handler.
    static func stopCurrentThread(message: UnsafePointer<CChar>?) {
        let key = UInt(pthread_self())
        guard let task = running.withLock({ $0[key] }) else { return }
        let text = message.map { String(cString: $0) } ?? "no message"
        task.end(
            with: .failure(
                Diagnostic(
                    "llvm.fatal", "LLVM cannot generate this code: \(text)",
                    help: "the code probably uses an instruction that the target lacks")))
        while true { pause() }
    }
}

extension IsolatedTask {
    /// The error of one of several tasks.
    struct Failure: Error {
        var index: Int
        var error: any Error
    }

    /// Runs all bodies, each on a thread of its own, at most `jobs` at a time; results in the order of the bodies.
    /// After an error no further body starts; of several errors that of the first body is thrown, as a `Failure`.
    static func run(_ bodies: [@Sendable () throws -> [UInt8]], jobs: Int) throws -> [[UInt8]] {
        let done = CountingSemaphore()
        let tasks = bodies.map { IsolatedTask(done: done, body: $0) }
        var (started, ended, failed) = (0, 0, false)
        while true {
            while !failed && started < tasks.count && started - ended < max(1, jobs) {
                tasks[started].startOrFail()
                started += 1
            }
            if ended == started { break }
            done.wait()
            ended += 1
            failed = tasks[..<started].contains { $0.hasFailed }
        }
        return try results(of: tasks[..<started])
    }

    // In the order of the tasks, so that the first error does not depend on which thread was faster.
    private static func results(of tasks: ArraySlice<IsolatedTask>) throws -> [[UInt8]] {
        var results: [[UInt8]] = []
        for (index, task) in tasks.enumerated() {
            switch task.output {
            case .success(let bytes): results.append(bytes)
            case .failure(let error): throw Failure(index: index, error: error)
            case nil: throw Failure(index: index, error: Diagnostic("codegen.system", "a task has not ended"))
            }
        }
        return results
    }

    private func startOrFail() {
        do {
            try start()
        } catch {
            end(with: .failure(error))
        }
    }

    private var hasFailed: Bool {
        if case .failure = output { return true }
        return false
    }
}
