import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

/// What a state of an engine must be, said in the same words by the engine's check and by a session.
@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct StateLinkTests {
    /// Inputs a [n], b [n], i (an integer) [n], m [n, 2]; outputs y [n] and z [n].
    private func engine() throws -> Engine {
        var kit = try EngineKit("states")
        let n = kit.symbol("n")
        let a = kit.input("a", .float32, [n])
        kit.input("b", .float32, [n])
        kit.input("i", .int64, [n])
        kit.input("m", .float32, [n, 2])
        let y = kit.output("y", .float32, [n])
        let z = kit.output("z", .float32, [n])
        kit.engine.steps = [
            try kit.call("add", [(a, 0), (a, 0), (y, 0)], grid: n),
            try kit.call("add", [(a, 0), (a, 0), (z, 0)], grid: n),
        ]
        return kit.engine
    }

    @Test(arguments: [
        (["i": "y"], "session.state-type", "state 'i' is i64[n], and output 'y', which is to become it, f32[n]"),
        (["m": "z"], "session.state-type", "state 'm' is f32[n, 2], and output 'z', which is to become it, f32[n]"),
        (["a": "y", "b": "y"], "session.state-twice", "output 'y' becomes two states, 'a' and 'b'"),
    ])
    func isRefusedByBoth(_ states: [String: String], _ code: String, _ message: String) throws {
        var engine = try engine()
        let loaded = try Runtime(threads: 1).load(engine)
        let asked = #expect(throws: Diagnostic.self) { _ = try Session(loaded, states: states) }
        #expect(asked?.code == code && asked?.message == message && asked?.help != nil)
        engine.states = states.sorted { $0.key < $1.key }.compactMap { input, output in
            guard let input = engine.inputs.firstIndex(where: { $0.name == input }),
                let output = engine.outputs.firstIndex(where: { $0.name == output })
            else { return nil }
            return Engine.StateLink(input: input, output: output)
        }
        let found = #expect(throws: Diagnostic.self) { try engine.validate() }
        #expect(found?.code == "engine.invalid" && found?.message == "the engine contradicts itself: \(message)")
    }

    @Test func namesWhatThereIs() throws {
        let loaded = try Runtime(threads: 1).load(engine())
        let input = #expect(throws: Diagnostic.self) { _ = try Session(loaded, states: ["c": "y"]) }
        #expect(input?.message == "there is no input 'c', which state 'c' names")
        #expect(input?.help == "inputs of the engine are 'a', 'b', 'i', 'm'")
        let output = #expect(throws: Diagnostic.self) { _ = try Session(loaded, states: ["a": "c"]) }
        #expect(output?.message == "there is no output 'c', which state 'a' names")
        #expect(output?.help == "outputs of the engine are 'y', 'z'")
    }

    /// The caller may link an output that grows out of one input to another input, which reads its elements in order.
    @Test func anAppendedOutputBecomesAnotherInput() throws {
        var kit = try EngineKit("other")
        let n = kit.symbol("n", upper: 100)
        kit.input("past", .float32, [2, n])
        let other = kit.input("other", .float32, [2, n])
        let present = kit.output("present", .float32, [2, n])
        let y = kit.output("y", .float32, [2, n])
        kit.engine.steps = [
            try kit.call("nothing", [(present, 0)], grid: 1),
            try kit.call("add", [(other, 0), (other, 0), (y, 0)], grid: n * 2),
        ]
        kit.engine.states = [Engine.StateLink(input: 0, output: 0, growth: Engine.Append(axis: 1))]
        let session = try Session(try kit.load(), states: ["other": "present"])
        let past = try floats([1, 2, 3, 4, 5, 6], [2, 3])
        #expect(try session.run(["past": past]).floats("y") == [0, 0, 0, 0, 0, 0])
        #expect(try session.run(["past": past]).floats("y") == [2, 4, 6, 8, 10, 12])
        #expect(try session.states.floats("other") == [1, 2, 3, 4, 5, 6])
    }

    @Test(arguments: [(-1, 0, nil), (0, 2, nil), (0, 0, 1), (0, 0, -1)] as [(Int, Int, Int?)])
    func numbersAreChecked(_ input: Int, _ output: Int, _ axis: Int?) throws {
        var engine = try engine()
        engine.states = [Engine.StateLink(input: input, output: output, growth: axis.map { Engine.Append(axis: $0) })]
        #expect(errorCode { try engine.validate() } == "engine.invalid")
        engine.states = [Engine.StateLink(input: 0, output: 0), Engine.StateLink(input: 0, output: 1)]
        #expect(errorCode { try engine.validate() } == "engine.invalid")
    }
}
