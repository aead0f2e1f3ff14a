import Glibc
import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct SessionTests {
    @Test func carriesStateFromRunToRun() throws {
        let session = Session(try ExampleEngines.state().load())
        #expect(session.links == ["state": "next"])
        for turn in 1...3 {
            let result = try session.run(["x": floats([1, 2])])
            #expect(try result.floats("next") == [Float(turn), Float(2 * turn)])
        }
        let other = try session.copy()
        #expect(try other.run(["x": floats([1, 1])]).floats("next") == [4, 7])
        #expect(try session.states.floats("state") == [3, 6])
        try session.reset(["state": floats([10, 20])])
        #expect(try session.run(["x": floats([1, 1])]).floats("next") == [11, 21])
        try session.reset()
        #expect(try session.run(["x": floats([1, 1])]).floats("next") == [1, 1])
        #expect(try session.run(["x": floats([1, 1]), "state": floats([5, 5])]).floats("next") == [6, 6])
    }

    @Test func takesLinksFromTheCaller() throws {
        let loaded = try ExampleEngines.state().load()
        let none = try Session(loaded, states: [:])
        #expect(errorCode { _ = try none.run(["x": floats([1])]) } == "run.inputs")
        let linked = try Session(loaded, states: ["x": "next"])
        _ = try linked.run(["state": floats([1])])
        #expect(try linked.run(["state": floats([1])]).floats("next") == [2])
        #expect(errorCode { _ = try Session(loaded, states: ["y": "next"]) } == "session.unknown-state")
        #expect(errorCode { try linked.reset(["state": floats([1])]) } == "session.unknown-state")
    }

    @Test func keepsItsStateWhenARunFails() throws {
        let session = Session(try ExampleEngines.state().load())
        _ = try session.run(["x": floats([1, 2])])
        #expect(errorCode { _ = try session.run(["x": floats([1, 2, 3])]) } == "plan.shape")
        #expect(try session.run(["x": floats([1, 2])]).floats("next") == [2, 4])
    }

    /// Address space of a process has room for a state of this size once, but not twice.
    private static let huge = 1 << 46
    private static let hasRoom: Bool = {
        let memory = mmap(nil, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let memory, memory != MAP_FAILED else { return false }
        return munmap(memory, huge) == 0
    }()

    /// present = past with very many elements more, which nobody writes.
    @Test(.enabled(if: hasRoom, "the system does not let a process map 64 TiB"))
    func aStateThatCannotBeCopiedIsAnError() throws {
        var kit = try EngineKit("huge")
        let n = kit.symbol("n", upper: 1 << 60)
        kit.input("past", .uint8, [n])
        let x = kit.input("x", .float32, [1])
        let small = kit.input("small", .float32, [1])
        let present = kit.output("present", .uint8, [n + IntExpr(Self.huge)])
        let next = kit.output("next", .float32, [1])
        kit.engine.steps = [
            try kit.call("nothing", [(present, 0)], grid: 1),
            try kit.call("add", [(small, 0), (x, 0), (next, 0)], grid: 1),
        ]
        kit.engine.states = [
            Engine.StateLink(input: 0, output: 0, growth: Engine.Append(axis: 0)),
            Engine.StateLink(input: 2, output: 1),
        ]
        let session = Session(try Runtime(threads: 1, memoryLimit: .max).load(kit.engine))
        #expect(try session.states.isEmpty)
        #expect(try session.run(["x": floats([2])]).floats("next") == [2])
        let problem = #expect(throws: Diagnostic.self) { _ = try session.states }
        #expect(problem?.code == "core.out-of-memory")
        #expect(problem?.message.contains("state 'past'") == true && problem?.message.contains("\(Self.huge)") == true)
        #expect(errorCode { _ = try session.copy() } == "core.out-of-memory")
        try session.reset(["small": floats([1])])
        #expect(try session.states.keys.sorted() == ["small"])
    }

    @Test func namesEveryWrongInput() throws {
        let session = Session(try ExampleEngines.add().load())
        let error = #expect(throws: Diagnostics.self) {
            _ = try session.run(["a": integers([1]), "c": floats([1])])
        }
        #expect(error?.all.map(\.code) == ["run.inputs", "run.type", "run.inputs"])
        #expect(
            error?.all.map(\.message) == [
                "the engine has no input 'c'", "input 'a' is of type i64, the engine expects f32",
                "input 'b' is missing",
            ])
    }

    @Test func saysWhichExtentsDisagree() throws {
        let session = Session(try ExampleEngines.add().load())
        let error = #expect(throws: Diagnostic.self) {
            _ = try session.run(["a": floats([1, 2]), "b": floats([1, 2, 3])])
        }
        #expect(error?.code == "plan.shape")
        #expect(error?.message == "'n' is 2 in dimension 0 of input 'a' and 3 in dimension 0 of input 'b'")
        #expect(errorCode { _ = try session.run(["a": floats([1], [1, 1]), "b": floats([1])]) } == "plan.rank")
    }

    @Test func checksFormulasAndRanges() throws {
        var kit = try EngineKit("formula")
        let n = kit.symbol("n", lower: 2, upper: 4)
        kit.input("a", .float32, [n])
        kit.input("b", .float32, [n * 2 + 1, 3])
        let loaded = try kit.load()
        func problem(_ n: Int, _ b: [Int]) -> Diagnostic? {
            do {
                _ = try loaded.plan(for: [[n], b])
                return nil
            } catch { return error as? Diagnostic }
        }
        #expect(problem(2, [5, 3]) == nil)
        #expect(problem(2, [4, 3])?.message == "input 'b' has extent 4 in dimension 0, expected n*2 + 1 = 5")
        #expect(problem(2, [5, 2])?.message == "input 'b' has extent 2 in dimension 1, expected 3")
        let range = "'n' is 5 in dimension 0 of input 'a', and the engine was made for 2...4"
        #expect(problem(5, [11, 3])?.message == range)
    }

    @Test func runsOnManyThreadsAtOnce() async throws {
        let loaded = try ExampleEngines.rowSums().load(threads: 2)
        let (n, k) = (200, 50)
        let x = try floats((0..<n * k).map { Float($0 % 97) * 0.1 }, [n, k])
        let session = Session(loaded)
        let expected = try session.run(["x": x]).floats("y")
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    for _ in 0..<200 {
                        guard try session.run(["x": x]).floats("y") == expected else { return false }
                    }
                    return true
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }
}
