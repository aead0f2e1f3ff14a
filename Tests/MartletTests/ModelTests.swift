import Martlet
import TestSupport
import Testing

@Suite struct ModelTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// `sum = running + x`, which becomes the next `running`.
    private func runningSum() throws -> Model {
        let graph = try trace(
            [TraceInput("x", .float32, [2]), TraceInput("running", .float32, [2])], states: ["running": "sum"]
        ) { inputs in ["sum": inputs[0] + inputs[1]] }
        return try Model(graph, options: folder.options())
    }

    @Test func describesItsPorts() throws {
        let graph = try trace([TraceInput("x", .float32, ["n", 3])]) { x in ["y": x[0] + x[0]] }
        let model = try Model(graph, options: folder.options())
        #expect(model.inputs.map(\.description) == ["x: f32[n, 3]"])
        #expect(model.outputs.map(\.description) == ["y: f32[n, 3]"])
        #expect(model.inputs[0].shape.map(\.size) == [nil, 3])
    }

    @Test func runsOnTheCallersThread() throws {
        let graph = try trace([TraceInput("x", .float32, ["n"])]) { x in ["y": x[0] * x[0]] }
        let model = try Model(graph, options: folder.options())
        for values in [[1, 2, 3], [4], []] as [[Float]] {
            let y = try model.run(["x": try HostTensor(values, shape: [values.count])])["y"]
            #expect(try y?.array(of: Float.self) == values.map { $0 * $0 })
        }
    }

    @Test func takesConcreteTensorsToo() throws {
        let graph = try trace([TraceInput("x", .float32, [2])]) { x in ["y": -x[0]] }
        let model = try Model(graph, options: folder.options())
        let x = try Tensor([1, -2] as [Float], shape: [2])
        #expect(try model.run(["x": x])["y"]?.array(of: Float.self) == [-1, 2])
        #expect(try x.array(of: Float.self) == [1, -2])
    }

    @Test func runsAwaitedFromManyTasks() async throws {
        let graph = try trace([TraceInput("x", .int64, [])]) { x in ["y": x[0] * x[0]] }
        let model = try Model(graph, options: folder.options(threads: 2))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let y = try await model(["x": HostTensor(scalar: Int64(number))])["y"]
                    return try y?.array(of: Int64.self) == [Int64(number * number)]
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func aCancelledTaskThrowsCancellation() async throws {
        let model = try runningSum()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await model(["x": try HostTensor([1, 1] as [Float], shape: [2])])
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func inputsThatDoNotFitAreNamed() throws {
        let model = try runningSum()
        let x = try HostTensor([1, 1] as [Float], shape: [2])
        let missing = #expect(throws: Diagnostic.self) { try model.run(["x": x]) }
        #expect(missing?.message.contains("'running' is missing") == true)
        #expect(throws: (any Error).self) { try model.run(["x": x, "running": x, "z": x]) }
        #expect(throws: (any Error).self) { try model.run(["x": x, "running": HostTensor(scalar: Float(1))]) }
        #expect(throws: (any Error).self) { try model.run(["x": x, "running": HostTensor(zeros: .int64, shape: [2])]) }
    }

    @Test func sessionsCarryTheStateThatTheModelNames() async throws {
        let model = try runningSum()
        let session = model.makeSession()
        let x = try HostTensor([1, 2] as [Float], shape: [2])
        #expect(try session.run(["x": x])["sum"]?.array(of: Float.self) == [1, 2])
        #expect(try await session(["x": x])["sum"]?.array(of: Float.self) == [2, 4])
        let other = try session.copy()
        try session.reset()
        #expect(try session.run(["x": x])["sum"]?.array(of: Float.self) == [1, 2])
        #expect(try other.run(["x": x])["sum"]?.array(of: Float.self) == [3, 6])
    }

    @Test func sessionsTakeStatesByName() throws {
        let graph = try trace([TraceInput("x", .float32, [1]), TraceInput("h", .float32, [1])]) { inputs in
            ["next": inputs[0] - inputs[1]]
        }
        let session = try Model(graph, options: folder.options()).makeSession(states: ["h": "next"])
        let x = try HostTensor([5] as [Float], shape: [1])
        let values = try (0..<3).map { _ in try session.run(["x": x])["next"]?.array(of: Float.self) }
        #expect(values == [[5], [0], [5]])
    }

    @Test func whatIsBeingTracedHasNoValue() throws {
        _ = try trace([TraceInput("x", .float32, [1])]) { x in
            let problem = #expect(throws: Diagnostic.self) { try x[0].hostTensor() }
            #expect(problem?.code == "tensor.not-concrete")
            return ["y": x[0]]
        }
    }
}
