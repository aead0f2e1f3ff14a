import MartletCore
import MartletIR
import Testing

/// What a state must be, said in the same words whoever asks.
@Suite struct GraphStateTests {
    /// A wrong list of states, the code of its first problem, and what must be said.
    struct Wrong: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let states: [(String, String)]
        let code: String
        let says: [String]
    }

    private static let wrong = [
        Wrong(
            testDescription: "no such input", states: [("nothing", "y")], code: "graph.unknown-state",
            says: ["no input 'nothing'", "inputs are 'x', 'z', 'k'"]),
        Wrong(
            testDescription: "no such output", states: [("x", "nothing")], code: "graph.unknown-state",
            says: ["no output 'nothing', which state 'x' names", "outputs are 'y', 'sum'"]),
        Wrong(
            testDescription: "another rank", states: [("x", "sum")], code: "graph.state-type",
            says: ["state 'x' is f32[n, 2], and output 'sum', which is to become it, f32[n]", "another output"]),
        Wrong(
            testDescription: "another element type", states: [("k", "sum")], code: "graph.state-type",
            says: ["'k' is i64[n]", "'sum'", "f32[n]"]),
        Wrong(
            testDescription: "an output twice", states: [("x", "y"), ("z", "y")], code: "graph.state-twice",
            says: ["output 'y' becomes two states, 'x' and 'z'", "an output of its own"]),
        Wrong(
            testDescription: "an input twice", states: [("x", "y"), ("x", "sum")], code: "graph.state-twice",
            says: ["state 'x' becomes two outputs, 'y' and 'sum'"]),
    ]

    private static func text(_ states: [(String, String)]) -> String {
        """
        graph (n: 1...) {
          %0 = input "x" : f32[n, 2]
          %1 = input "z" : f32[n, 2]
          %2 = input "k" : i64[n]
          %3 = reduce {op = sum, axes = [1]} (%0) : f32[n]
        \(states.map { "  state \"\($0.0)\" -> \"\($0.1)\"" }.joined(separator: "\n"))
          output "y" %1
          output "sum" %3
        }
        """
    }

    @Test(arguments: wrong) func isRefusedByAll(_ wrong: Wrong) throws {
        let found = try Graph(text: Self.text(wrong.states), verified: false).problems()
        #expect(found.map(\.code) == ["graph.invariant-9"])
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n", lower: 1))
        let x = recorder.input("x", TensorType(.float32, [n, 2]))
        let z = recorder.input("z", TensorType(.float32, [n, 2]))
        _ = recorder.input("k", TensorType(.int64, [n]))
        let recorded = #expect(throws: Diagnostic.self) {
            try recorder.record {
                try recorder.finish(
                    [("y", z), ("sum", try x.reduced(.sum, axes: [1]))],
                    states: wrong.states.map { (input: $0.0, output: $0.1) })
            }
        }
        #expect(recorded?.code == wrong.code)
        #expect(recorded?.message == found.first?.message && recorded?.help == found.first?.help)
        for part in wrong.says { #expect(recorded?.description.contains(part) == true, "\(recorded as Any)") }
        let names = Dictionary(wrong.states) { first, _ in first }
        guard names.count == wrong.states.count else { return }
        let carried = #expect(throws: Diagnostic.self) { try Graph(text: Self.text([])).carrying(states: names) }
        #expect(carried == recorded)
    }

    @Test func allProblemsAreSaid() throws {
        let graph = try Graph(text: Self.text([]))
        let error = #expect(throws: Diagnostics.self) { try graph.carrying(states: ["x": "sum", "a": "y"]) }
        #expect(error?.all.map(\.code) == ["graph.unknown-state", "graph.state-type"])
        let carried = try graph.carrying(states: ["x": "y", "z": "y"].filter { $0.key == "x" })
        #expect(carried.states.map(\.input) == ["x"] && carried.states.map(\.output) == ["y"])
        #expect(carried.problems().isEmpty)
    }
}
