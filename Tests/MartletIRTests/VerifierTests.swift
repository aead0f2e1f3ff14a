import MartletCore
import MartletIR
import Testing

@Suite struct VerifierTests {
    private func codes(_ text: String) throws -> [String] {
        try Graph(text: text, verified: false).problems().map(\.code)
    }

    @Test func soundGraphHasNoProblems() throws {
        #expect(
            try codes(
                """
                graph (n: 1...) {
                  %0 = input "x" : f32[n, 2]
                  %1 = reduce {op = sum, axes = [1]} (%0) : f32[n]
                  state "x" -> "y"
                  output "y" %0
                  output "z" %1
                }
                """) == [])
    }

    @Test func typesAreInferredAgain() throws {
        let text = """
            graph (n: 1...) {
              %0 = input "x" : f32[n, 2]
              %1 = reduce {op = sum, axes = [1]} (%0) : f32[n + 1]
              %2 = reduce {op = sum, axes = [1]} (%0) : f64[n]
              %3 = reduce {op = sum, axes = [5]} (%0) : f32[n]
              %4 = reduce {op = sum, axes = [1]} : f32[n]
              output "y" %1
            }
            """
        #expect(try codes(text) == Array(repeating: "graph.invariant-4", count: 4))
        let error = #expect(throws: Diagnostics.self) { try Graph(text: text) }
        #expect(error?.all.count == 4)
    }

    @Test func namesAndStates() throws {
        let text = """
            graph () {
              %0 = input "x" : f32[2]
              %1 = input "x" : f32[2]
              %2 = input "s" : f64[2]
              state "s" -> "y"
              state "t" -> "y"
              output "y" %0
              output "y" %1
            }
            """
        let expected = ["graph.invariant-5", "graph.invariant-5", "graph.invariant-9", "graph.invariant-9"]
        #expect(try codes(text) == expected)
    }

    @Test func symbolsAreDefinedOnceAndBeforeUse() throws {
        let text = """
            graph (k: 0...) {
              %0 = input "x" : i64[]
              %1 = iota {shape = [k], axis = 0, type = i64} : i64[k]
              bind {symbol = (k), lower = 0} (%0)
              bind {symbol = (k), lower = 1} (%0)
              output "y" %1
            }
            """
        #expect(try codes(text) == ["graph.invariant-7", "graph.invariant-7"])
    }

    @Test func unknownSymbolsAreFound() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [IntExpr(Symbol.size(77)), IntExpr(Symbol.axis(0))]))
        let graph = try recorder.finish([("y", x)])
        #expect(graph.problems().map(\.code) == ["graph.invariant-6", "graph.invariant-6"])
    }

    @Test func regionsMustFitTheirNode() throws {
        func text(captures: String, output: String) -> String {
            """
            graph () {
              %0 = input "c" : bool[]
              %1 = input "x" : f32[2]
              %2 = if {results = (f32[2]), sizes = [], then = {
                %0 = input "a" : f32[2]
                output "r" %0
              }, else = {
                %0 = input "a" : f32[2]
                %1 = reduce {op = sum, axes = [0]} (%0) : f32[]
                output "r" \(output)
              }} (\(captures)) : f32[2]
              output "y" %2
            }
            """
        }
        #expect(try codes(text(captures: "%0, %1", output: "%0")) == [])
        #expect(try codes(text(captures: "%0", output: "%0")) == ["graph.invariant-4"])
        #expect(try codes(text(captures: "%1, %1", output: "%0")) == ["graph.invariant-4"])
        #expect(try codes(text(captures: "%0, %1", output: "%1")) == ["graph.invariant-4"])
        #expect(try codes(text(captures: "", output: "%0")) == ["graph.invariant-4"])
    }
}
