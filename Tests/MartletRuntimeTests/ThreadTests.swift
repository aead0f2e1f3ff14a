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
        let watcher = Unmanaged.passRetained(cancellation)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                usleep(20_000)
                if let argument { Unmanaged<Cancellation>.fromOpaque(argument).takeRetainedValue().cancel() }
                return nil
            }, watcher.toOpaque())
        let clock = ContinuousClock()
        let time = clock.measure {
            #expect(errorCode { _ = try Session(loaded).run([:], cancellation: cancellation) } == "run.cancelled")
        }
        pthread_join(thread, nil)
        #expect(time < .seconds(5))
        #expect(errorCode { _ = try Session(loaded).run([:], cancellation: cancellation) } == "run.cancelled")
    }

    @Test func endsItsThreads() throws {
        let x = try floats([Float](repeating: 1, count: 1 << 16), [1 << 8, 1 << 8])
        for _ in 0..<50 { _ = try Session(ExampleEngines.rowSums().load(threads: 4)).run(["x": x]) }
        #expect(Runtime(threads: 3).threadCount == 3)
        #expect(Runtime.shared.threadCount >= 1)
    }
}
