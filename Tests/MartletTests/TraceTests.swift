import Martlet
import Testing

@Suite struct TraceTests {
    @Test func oneNameIsOneSize() throws {
        let graph = try trace([TraceInput("a", .float32, ["n", 2]), TraceInput("b", .float32, ["n", 2])]) { inputs in
            ["c": inputs[0] + inputs[1]]
        }
        #expect(
            graph.text == """
                graph (n: 0...) {
                  %0 = input "a" : f32[n, 2]
                  %1 = input "b" : f32[n, 2]
                  %2 = map {op = add} (%0, %1) : f32[n, 2]
                  output "c" %2
                }

                """)
    }

    @Test func sizesKeepTheirRanges() throws {
        let size = Extent(named: "s", lower: 1, upper: 512)
        let graph = try trace([TraceInput("x", .float32, [size])]) { x in ["y": -x[0]] }
        #expect(graph.text.hasPrefix("graph (s: 1...512) {"))
    }

    @Test func tensorsThatDoNotFitAreRefused() {
        #expect(throws: Diagnostic.self) {
            try trace([TraceInput("a", .float32, [2]), TraceInput("b", .float32, [3])]) { inputs in
                ["c": try (inputs[0] + inputs[1]).checked()]
            }
        }
        #expect(throws: Diagnostic.self) {
            try trace([TraceInput("a", .float32, [2]), TraceInput("b", .int32, [2])]) { inputs in
                ["c": inputs[0] + inputs[1]]
            }
        }
    }
}
