import Glibc
import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct ThreadTests {
    @Test func givesTheSameBitsOnAnyNumberOfThreads() throws {
        for (n, k) in [(1, 1), (1, 1000), (2, 999), (7, 333), (500, 64), (1001, 17)] {
            let x = try floats((0..<n * k).map { sin(Float($0)) }, [n, k])
            let expected = try Session(ExampleEngines.rowSums().load(threads: 1)).run(["x": x])["y"]
            for threads in [2, 3, 8] {
                let session = Session(try ExampleEngines.rowSums().load(threads: threads))
                for _ in 0..<20 {
                    let found = try session.run(["x": x])["y"]
                    #expect(try #require(expected).isIdentical(to: #require(found)))
                }
            }
        }
    }

    @Test func sharesLargeSteps() throws {
        let loaded = try ExampleEngines.rowSums().load(threads: 2)
        let profile = Profile(loaded)
        let x = try floats([Float](repeating: 1, count: 1 << 20), [1 << 10, 1 << 10])
        for _ in 0..<5 { _ = try Session(loaded).run(["x": x], profile: profile) }
        #expect(profile.entries.first?.sharedCount == 5)
    }

    @Test func survivesPausesBetweenRuns() throws {
        // Long enough for the workers to park, each time at another moment of their spinning.
        let session = Session(try ExampleEngines.rowSums().load(threads: 3))
        let x = try floats([Float](repeating: 1, count: 1 << 16), [1 << 8, 1 << 8])
        for round in 0..<200 {
            #expect(try session.run(["x": x]).floats("y").allSatisfy { $0 == 256 })
            usleep(UInt32(round))
        }
    }

    @Test(arguments: [1, 2])
    func stopsWhenCancelled(threads: Int) throws {
        var kit = try EngineKit("slow")
        let y = kit.output("y", .int64, [1])
        kit.engine.steps = [try kit.call("slow", [(y, 0)], grid: 100_000, flops: IntExpr(100_000 * 20_000_000))]
        let loaded = try kit.load(threads: threads)
        let cancellation = Cancellation()
        let clock = ContinuousClock()
        let time = try clock.measure { try expectCancelled(loaded, cancellation) }
        #expect(time < .seconds(5))
        #expect(errorCode { _ = try Session(loaded).run([:], cancellation: cancellation) } == "run.cancelled")
    }

    /// What is said of the work of a grid.
    enum Estimate: Sendable, CaseIterable {
        case none, nothing, tooLittle, tooMuch
    }

    /// More grid points than a process lives to see, of kernels that take long or no time for each: the run ends only
    /// because it looks for the cancellation, whatever the engine says of its work.
    @Test(arguments: [1, 2], Estimate.allCases)
    func stopsWhateverIsSaidOfTheWork(threads: Int, estimate: Estimate) throws {
        // A point of the first takes 100,000 times as long as that of the second.
        for kernel in estimate == .tooLittle ? ["spin"] : ["slow", "spin"] {
            var kit = try EngineKit(kernel)
            let n = kit.symbol("n", lower: 1)
            kit.input("x", .float32, [n])
            let y = kit.output("y", .int64, [1])
            // The product is more than an Int64 holds.
            let flops = [.nothing: 0, .tooLittle: n, .tooMuch: IntExpr(1 << 62) * n][estimate]
            var step = try kit.call(kernel, [(y, 0)], grid: IntExpr(Self.huge), flops: flops ?? 0)
            if estimate == .none { step.flops = nil }
            kit.engine.steps = [step]
            try expectCancelled(kit.load(threads: threads), Cancellation(), ["x": floats([1, 2, 3, 4])])
        }
    }

    private static let huge = 10_000_000_000_000_000

    /// Runs, and cancels the run from another thread.
    private func expectCancelled(
        _ loaded: LoadedEngine, _ cancellation: Cancellation, _ inputs: [String: HostTensor] = [:]
    ) throws {
        let watcher = Unmanaged.passRetained(cancellation)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                usleep(20_000)
                if let argument { Unmanaged<Cancellation>.fromOpaque(argument).takeRetainedValue().cancel() }
                return nil
            }, watcher.toOpaque())
        #expect(errorCode { _ = try Session(loaded).run(inputs, cancellation: cancellation) } == "run.cancelled")
        pthread_join(thread, nil)
    }

    @Test func endsItsThreads() throws {
        let x = try floats([Float](repeating: 1, count: 1 << 16), [1 << 8, 1 << 8])
        for _ in 0..<50 { _ = try Session(ExampleEngines.rowSums().load(threads: 4)).run(["x": x]) }
        #expect(Runtime(threads: 3).threadCount == 3)
        #expect(Runtime.shared.threadCount >= 1)
    }
}
