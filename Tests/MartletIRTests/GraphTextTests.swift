import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite struct GraphTextTests {
    /// Parses, checks that the text comes back, and gives the graph.
    @discardableResult
    private func roundTrip(_ graph: Graph) throws -> Graph {
        let text = graph.text
        let parsed = try Graph(text: text, resources: graph.resources)
        #expect(parsed.text == text)
        return parsed
    }

    @Test func exampleOfTheDescription() throws {
        let text = """
            graph (n: 1..., s: 1...512) {
              %0 = input "ids" : f32[n, s]
              %1 = constant {value = f32[2] [1.0, -0.5]} : f32[2] @ "weights"
              %2 = reduce {op = sum, axes = [1]} (%0) : f32[n] @ "layer/sum", "layer"
              require n == s "both sides"
              output "y" %2
              output "w" %1
            }

            """
        let graph = try Graph(text: text)
        #expect(graph.text == text)
        #expect(graph.origins(of: NodeID(1)) == ["layer/sum", "layer"])
    }

    @Test func commentsAndSpaceAreSkipped() throws {
        let graph = try Graph(
            text: """
                graph (n: 0...) { ; a comment with "a quote
                  %x = input "a ; b" : f32[n//2 + n % 3, max(n, 4) - 1]   ; one
                  output "y" %x }
                """)
        #expect(graph.inputs[0].name == "a ; b")
        try roundTrip(graph)
    }

    /// What bounds a size may depend on the sizes before it.
    @Test func boundsOfSizesComeBack() throws {
        let text = """
            graph (n: 0...9, m: 0..., k: 1...min(n + 2, m)) {
              %0 = input "x" : f32[n, m]
              %1 = input "i" : i64[]
              bind {symbol = (k), lower = 1, upper = (min(n + 2, m))} (%1)
              output "y" %0
            }

            """
        let graph = try Graph(text: text)
        #expect(graph.text == text)
        #expect(graph.symbols.ranges[.size(2)] == Bounds(1...11))
        let k = IntExpr(Symbol.size(2))
        #expect(IntExpr(Symbol.size(1)).isAtLeast(k, graph.symbols.ranges) == .yes)
        let inputs = [try HostTensor(zeros: .float32, shape: [3, 4])]
        for (value, isValid) in [(1, true), (4, true), (5, false), (0, false)] {
            let run = { try Interpreter(graph).run(inputs + [HostTensor(scalar: Int64(value))]) }
            if isValid {
                #expect(throws: Never.self) { try run() }
            } else {
                #expect(throws: Diagnostic.self) { try run() }
            }
        }
        #expect(throws: Diagnostic.self) { try Graph(text: "graph (n: 0...m, m: 0...) { }") }
    }

    @Test func everyPrimitiveComesBack() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n", lower: 2, upper: 100))
        let graph = try recorder.record {
            let x = recorder.input("x", TensorType(.float32, [n, 6]))
            let w = recorder.input("w", TensorType(.float32, [4, 2, 3]))
            let i = recorder.input("i", TensorType(.int32, [5]))
            recorder.origin = ["a \"quoted\" name"]
            let k = try recorder.bind(try i.reduced(.max, axes: [0]), "k", lower: 0, upper: 6)
            let views = try Tensor.concatenate(
                [
                    x, try x.transposed([1, 0]).reshaped(to: [n, 6]),
                    try x.padded(low: [1, 0], high: [0, 0], with: Tensor(0, as: .float32)),
                    try x.sliced(start: [0, 5], size: [n, 6], step: [1, -1]),
                ], axis: 0)
            let sorted = try x.sorted(axis: 1, descending: true, count: k)
            let fill = try Tensor(.infinity, as: .float32)
            let gathered = try x.gathered([i], axes: [1], mode: .fill, fill: fill)
            let scattered = try x.scattered([i], updates: gathered, axes: [1], mode: .add, checked: false)
            let windowed = try x.windowed([Window.Axis(axis: 1, size: 2, stride: 1, dilation: 2)])
            let convolved = try x.reshaped(to: [n, 2, 3]).convolved(with: w, low: [n], high: [1], inputDilation: [2])
            let contracted = try x.contracted(with: x, contracted: [(1, 1)])
            let others = [
                try x.cumulated(.prod, axis: 1), try x.argReduced(maximum: true, axes: [0, 1], lastTie: true),
                try Tensor.iota(shape: [n, k], axis: 1, type: .int16), try x.cast(to: .bfloat16),
                try .dimension(n * 3), try x.compared(.lt, x * 2),
            ]
            let all =
                [views, sorted.values, sorted.indices, gathered, scattered, windowed, convolved, contracted] + others
            return try recorder.finish(all.enumerated().map { ("r\($0.offset)", $0.element) })
        }
        let parsed = try roundTrip(graph)
        var samples = SplitMix64(seed: 2)
        let inputs = [
            try samples.numbers(.float32, [4, 6]), try samples.numbers(.float32, [4, 2, 3]),
            try HostTensor([Int32(3), 1, 0, 5, 2], shape: [5]),
        ]
        let (before, after) = (try Interpreter(graph).run(inputs), try Interpreter(parsed).run(inputs))
        #expect(zip(before, after).allSatisfy { $0.isIdentical(to: $1) })
        let rebuilt = try graph.rebuilt { _, _, _ in nil }
        try rebuilt.verify()
        #expect(rebuilt.text == graph.text)
    }

    @Test func regionsComeBack() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let graph = try recorder.record {
            let x = recorder.input("x", TensorType(.float32, [n]))
            let c = recorder.input("c", TensorType(.bool, []))
            let y = try Tensor.branch(c) {
                try Tensor.loop(trip: 3, condition: c, states: [x], scanned: []) { _, states, _ in
                    (c, [try Tensor.concatenate([states[0], x], axis: 0)], [])
                }.states
            } else: {
                try Tensor.apply(
                    Fail(
                        Diagnostic("a.b", "bad", at: .node(name: "n", operator: "Op", file: nil), help: "do"),
                        results: [try x.type]), [])
            }
            return try recorder.finish([("y", y[0])], states: [("x", "y")])
        }
        let parsed = try roundTrip(graph)
        let inputs = [try HostTensor([Float(1)], shape: [1]), HostTensor(scalar: true)]
        #expect(try Interpreter(parsed).run(inputs)[0].shape == [4])
    }

    @Test(arguments: ElementType.allCases)
    func constantsComeBackBitForBit(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 4)
        for shape in [[], [0, 3], [7], [2, 3], [5, 13], [300]] {
            let recorder = Recorder()
            let tensor = try samples.bits(type, shape)
            let graph = try recorder.record {
                try recorder.finish([("y", Tensor(tensor))])
            }
            #expect(graph.resources.isEmpty == (tensor.count <= 64))
            let parsed = try roundTrip(graph)
            let value = try #require(parsed.constant(parsed.outputs[0].value))
            #expect(value.isIdentical(to: tensor))
        }
    }

    @Test func specialNumbers() throws {
        let floats = try HostTensor(
            [Float.nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1], shape: [7])
        let longs = try HostTensor([UInt64.max, 0, 1 << 63], shape: [3])
        for tensor in [floats, longs, try HostTensor([Int64.min, .max], shape: [2])] {
            let recorder = Recorder()
            let parsed = try roundTrip(try recorder.finish([("y", Tensor(tensor))]))
            #expect(parsed.constant(parsed.outputs[0].value)?.isIdentical(to: tensor) == true)
        }
    }

    @Test func oddSymbolNames() throws {
        let recorder = Recorder()
        for name in ["batch size", "1", "min", "f32", "größe", "batch_size", ""] {
            let size = IntExpr(recorder.symbol(name))
            _ = recorder.input("x\(name)", TensorType(.float32, [size, IntExpr.min(size, 3) * size]))
        }
        try roundTrip(try recorder.finish([]))
    }

    @Test(arguments: [
        ("grph () {}", 1, 1), ("graph () {\n  output \"y\" %0\n}", 2, 14),
        ("graph () {\n  %0 = nothing : f32[]\n}", 2, 8),
        ("graph () {\n  %0 = input \"x\" : f33[]\n}", 2, 20),
        ("graph (n: 1...) {\n  %0 = input \"x\" : f32[m]\n}", 2, 24),
        ("graph () {\n  %0 = input \"x\" : f32[1]\n  %0 = input \"y\" : f32[1]\n}", 3, 3),
        ("graph () {\n  %0 = reduce {op = sum} : f32[]\n}", 2, 8), ("graph () {} x", 1, 13), ("graph () {", 1, 11),
        ("graph (n: 1..., n: 2...) {}", 1, 17),
        ("graph () {\n  %0 = constant {value = f32[2] [1.0]} : f32[2]\n}", 2, 29),
        ("graph () {\n  %0 = constant {value = resource \"x\" : f32[2]} : f32[2]\n}", 2, 35),
        ("graph () {\n  %0, %1 = reduce {op = sum, axes = []} : f32[2]\n}", 2, 12),
    ])
    func mistakesHaveLineAndColumn(_ text: String, _ line: Int, _ column: Int) throws {
        let error = #expect(throws: Diagnostic.self) { try Graph(text: text) }
        #expect(error?.place == .text(line: line, column: column), "\(String(describing: error))")
    }

    @Test func deepNestingIsRefused() throws {
        let depth = 10_000
        let text = "graph () { " + String(repeating: "if {then = { ", count: depth)
        #expect(throws: Diagnostic.self) { try Graph(text: text) }
        let sizes = "graph () { %0 = input \"x\" : f32[" + String(repeating: "(", count: 100_000)
        #expect(throws: Diagnostic.self) { try Graph(text: sizes) }
    }

    @Test func damagedTextsNeverTrap() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let x = recorder.input("x", TensorType(.float32, [IntExpr(recorder.symbol("n")), 4]))
            let y = try Tensor.loop(trip: 3, condition: nil, states: [x], scanned: []) { _, s, _ in
                (nil, [s[0] + 1], [s[0]])
            }
            return try recorder.finish([("y", y.stacked[0]), ("z", try x.sorted(axis: 1).indices)])
        }
        let bytes = Array(graph.text.utf8)
        var samples = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0..<samples.int(1...3) {
                let place = samples.int(0...damaged.count - 1)
                switch samples.int(0...2) {
                case 0: damaged[place] = bytes[samples.int(0...bytes.count - 1)]
                case 1: damaged.remove(at: place)
                default: damaged.insert(bytes[samples.int(0...bytes.count - 1)], at: place)
                }
            }
            guard let parsed = try? Graph(text: String(decoding: damaged, as: UTF8.self)) else { continue }
            _ = try? Interpreter(parsed).run([try HostTensor(zeros: .float32, shape: [2, 4])])
        }
    }
}
