import Glibc
import Martlet
import MartletCore
import MartletONNX
import MartletRuntime
import Synchronization
import TestSupport
import Testing

/// Many tasks, sessions and models on one runtime.
@Suite struct RuntimeProbeTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Two layers and softmax, enough work to be shared among threads.
    private func layers(_ width: Int, _ name: String) throws -> ModelKit {
        let nodes = [
            ModelKit.node("MatMul", ["x", "w"], ["a"]), ModelKit.node("Relu", ["a"], ["b"]),
            ModelKit.node("MatMul", ["b", "v"], ["c"]),
            ModelKit.node("Softmax", ["c"], ["y"], [AttributeProto("axis", .int(-1))]),
        ]
        return try ModelKit(
            folder, name: name, nodes, inputs: [ModelKit.value("x", .float32, ["n", "\(width)"])], outputs: ["y"],
            constants: [
                "w": try noise([width, 2 * width], seed: 1), "v": try noise([2 * width, width], seed: 2),
            ])
    }

    /// `sum = running + x W`.
    private func runningSum() throws -> ModelKit {
        let nodes = [ModelKit.node("MatMul", ["x", "w"], ["a"]), ModelKit.node("Add", ["a", "running"], ["sum"])]
        return try ModelKit(
            folder, name: "sum", nodes,
            inputs: [
                ModelKit.value("x", .float32, ["64", "128"]), ModelKit.value("running", .float32, ["64", "128"]),
            ], outputs: ["sum"], constants: ["w": try noise([128, 128], seed: 3)])
    }

    /// Counts for ever, or nearly.
    private func endless() throws -> ModelKit {
        let body = ModelKit.body(
            [ModelKit.node("Add", ["count", "step"], ["next"]), ModelKit.node("Identity", ["condition"], ["goesOn"])],
            inputs: [
                ModelKit.value("turn", .int64, []), ModelKit.value("condition", .bool, []),
                ModelKit.value("count", .int64, []),
            ], outputs: ["goesOn", "next"])
        return try ModelKit(
            folder, name: "endless",
            [ModelKit.node("Loop", ["turns", "true", "start"], ["y"], [AttributeProto("body", body)])],
            inputs: [ModelKit.value("start", .int64, []), ModelKit.value("step", .int64, [])], outputs: ["y"],
            constants: ["turns": HostTensor(scalar: Int64(1) << 60), "true": HostTensor(scalar: true)])
    }

    private func options(_ runtime: Runtime) -> ModelOptions {
        var options = folder.options()
        options.runtime = runtime
        return options
    }

    @Test func manyTasksOnOneRuntime() async throws {
        let runtime = Runtime(threads: 3)
        let model = try Model.load(try layers(160, "large").path, options: options(runtime))
        let other = try Model.load(try runningSum().path, options: options(runtime))
        let idle = try Model.load(try endless().path, options: options(runtime))
        let inputs = try (0..<4).map { ["x": try noise([40 + $0, 160], seed: $0)] }
        let steps = try (0..<10).map { ["x": try noise([64, 128], seed: $0 + 50)] }
        let start = ["running": try HostTensor(zeros: .float32, shape: [64, 128])]
        let expected = try inputs.map { try model.run($0) }
        let sums = try Self.stream(other.makeSession(states: ["running": "sum"]), start, steps)
        let cancelled = Task {
            try await idle(["start": HostTensor(scalar: Int64(0)), "step": HostTensor(scalar: Int64(1))])
        }
        try await withThrowingTaskGroup(of: String?.self) { group in
            for number in 0..<4 {
                group.addTask {
                    for _ in 0..<40 {
                        let found = try await model(inputs[number])
                        if let problem = difference([found], [expected[number]]) { return "task \(number): \(problem)" }
                    }
                    return nil
                }
                group.addTask {
                    let session = try other.makeSession(states: ["running": "sum"])
                    try session.reset(start)
                    for (step, input) in steps.enumerated() {
                        let found = try await session(input)
                        if let problem = difference([found], [sums[step]]) { return "session \(number): \(problem)" }
                    }
                    return nil
                }
            }
            for try await problem in group { #expect(problem == nil) }
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(difference([try await model(inputs[0])], [expected[0]]) == nil)
    }

    private static func stream(
        _ session: Session, _ start: [String: HostTensor], _ steps: [[String: HostTensor]]
    ) throws -> [[String: HostTensor]] {
        try session.reset(start)
        return try steps.map { try session.run($0) }
    }

    @Test(.enabled(if: !TestChild.isRunning)) func runsDoNotOccupyTheThreadsOfTasks() throws {
        try TestChild.run("RuntimeProbeTests/endlessRunsAreCancelled")
    }

    /// More runs than there are threads for Swift's tasks; they end only because another task gets to cancel them. In a
    /// process of its own: other suites compute on those threads.
    @Test(.enabled(if: TestChild.isRunning), .timeLimit(.minutes(5))) func endlessRunsAreCancelled() async throws {
        let model = try Model.load(try endless().path, options: options(Runtime(threads: 1)))
        let runs = (0..<12).map { _ in
            Task { try await model(["start": HostTensor(scalar: Int64(0)), "step": HostTensor(scalar: Int64(1))]) }
        }
        let canceller = Task {
            for _ in 0..<100 { await Task.yield() }
            for run in runs { run.cancel() }
        }
        await canceller.value
        for run in runs { await #expect(throws: CancellationError.self) { try await run.value } }
    }

    @Test(.enabled(if: !TestChild.isRunning)) func threadsAreBounded() throws {
        try TestChild.run("RuntimeProbeTests/countsThreads")
    }

    /// In a process of its own, as every suite has threads.
    @Test(.enabled(if: TestChild.isRunning)) func countsThreads() async throws {
        let runtime = Runtime(threads: 3)
        let model = try Model.load(try layers(160, "large").path, options: options(runtime))
        let inputs = ["x": try noise([64, 160])]
        let before = Self.threadCount
        let most = Most()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<50 {
                        _ = try await model(inputs)
                        most.count.max(Self.threadCount, ordering: .relaxed)
                    }
                }
            }
            try await group.waitForAll()
        }
        // Two of the pool, one for each task that waits for a run, and those of Swift's own for its tasks.
        let own = sysconf(Int32(_SC_NPROCESSORS_ONLN)) + 1
        #expect(before > 0 && most.count.load(ordering: .relaxed) - before <= 2 + 8 + own)
    }

    private static var threadCount: Int { Folder.names(in: "/proc/self/task").count }
}

/// The greatest number seen.
private final class Most: Sendable {
    let count = Atomic<Int>(0)
}
