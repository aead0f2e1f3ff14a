import Martlet
import MartletCompiler
import MartletCore
import MartletIR
import MartletONNX
import Synchronization
import TestSupport
import Testing

/// Damaged texts of graphs and kernels give a diagnostic, or something sound.
@Suite struct TextFuzzTests {
    /// A text with most kinds of nodes, from the models of these tests.
    private static func texts(_ folder: TestFolder) throws -> [String] {
        let nodes = [
            ModelKit.node("MatMul", ["x", "w"], ["a"]),
            ModelKit.node("Softmax", ["a"], ["b"], [AttributeProto("axis", .int(-1))]),
            ModelKit.node("NonZero", ["a"], ["c"]), ModelKit.node("TopK", ["a", "two"], ["d", "e"]),
            ModelKit.node("Gather", ["w", "i"], ["f"]), ModelKit.node("Transpose", ["a"], ["g"]),
            ModelKit.node("CumSum", ["a", "zero"], ["h"]),
            ModelKit.node("Concat", ["a", "f"], ["j"], [AttributeProto("axis", .int(0))]),
            ModelKit.node("Unsqueeze", ["x", "axes"], ["k"]), ModelKit.node("Conv", ["k", "filter"], ["l"]),
            ModelKit.node("MaxPool", ["l"], ["m"], [AttributeProto("kernel_shape", .ints([2]))]),
            ModelKit.node("ArgMax", ["a"], ["o"], [AttributeProto("axis", .int(1))]),
            ModelKit.node(
                "ScatterElements", ["w", "places", "news"], ["p"], [AttributeProto("axis", .int(0))]),
        ]
        let kit = try ModelKit(
            folder, nodes, inputs: [ModelKit.value("x", .float32, ["n", "4"]), ModelKit.value("i", .int64, ["k"])],
            outputs: ["b", "c", "d", "e", "g", "h", "j", "m", "o", "p"],
            constants: [
                "w": try noise([4, 3]), "two": try tensor([2] as [Int64]), "zero": HostTensor(scalar: Int64(1)),
                "axes": try tensor([1] as [Int64]), "filter": try noise([2, 1, 2]),
                "places": try tensor([0, 2, 1] as [Int64], [1, 3]), "news": try noise([1, 3]),
            ])
        return [try Model.graph(kit.path).expandingKeptCalls().text, try regions(folder)]
    }

    /// A loop with a branch inside.
    private static func regions(_ folder: TestFolder) throws -> String {
        let double = ModelKit.body([ModelKit.node("Add", ["state", "x"], ["doubled"])], outputs: ["doubled"])
        let same = ModelKit.body([ModelKit.node("Identity", ["state"], ["same"])], outputs: ["same"])
        let body = ModelKit.body(
            [
                ModelKit.node("Less", ["turn", "two"], ["isEarly"]),
                ModelKit.node(
                    "If", ["isEarly"], ["next"],
                    [AttributeProto("then_branch", double), AttributeProto("else_branch", same)]),
                ModelKit.node("Identity", ["condition"], ["goesOn"]),
                ModelKit.node("ReduceSum", ["next"], ["sum"], [AttributeProto("keepdims", .int(0))]),
            ],
            inputs: [
                ModelKit.value("turn", .int64, []), ModelKit.value("condition", .bool, []),
                ModelKit.value("state", .float32, ["n"]),
            ], outputs: ["goesOn", "next", "sum"])
        let kit = try ModelKit(
            folder, name: "regions",
            [ModelKit.node("Loop", ["turns", "", "x"], ["last", "sums"], [AttributeProto("body", body)])],
            inputs: [ModelKit.value("x", .float32, ["n"]), ModelKit.value("turns", .int64, [])],
            outputs: ["last", "sums"], constants: ["two": HostTensor(scalar: Int64(2))])
        return try Model.graph(kit.path).text
    }

    /// What parses is verified, so it must print as it was read, go through the compiler's stages, and be evaluated.
    @Test func graphs() throws {
        var damage = SplitMix64(seed: 3)
        var (whole, refused, compiled, evaluated) = (0, 0, 0, 0)
        for text in try Self.texts(try TestFolder()) {
            for _ in 0..<1200 {
                do {
                    let graph = try Graph(text: damage.damaged(text))
                    whole += 1
                    #expect(try Graph(text: graph.text).text == graph.text)
                    if (try? Self.kernels(of: graph)) != nil { compiled += 1 }
                    if (try? Self.evaluate(graph)) != nil { evaluated += 1 }
                } catch is Diagnostic, is Diagnostics {
                    refused += 1
                }
            }
        }
        #expect(
            whole > 100 && refused > 100 && compiled > 20 && evaluated > 20,
            "\(whole) \(refused) \(compiled) \(evaluated)")
    }

    private static func evaluate(_ graph: Graph) throws {
        let sizes = graph.symbols.ranges
        let inputs = try graph.inputs.map { port in
            let type = graph.type(of: port.value)
            let shape = try type.shape.map { extent in
                try extent.evaluate { symbol in min(max(2, sizes[symbol].lower ?? 0), sizes[symbol].upper ?? 64) }
            }
            guard shape.allSatisfy({ (0...64).contains($0) }),
                try HostTensor.size(of: type.element, shape).count < 1 << 16
            else { throw Diagnostic("test.large", "too large") }
            return try HostTensor(zeros: type.element, shape: shape)
        }
        let interpreter = Interpreter(graph)
        interpreter.memoryLimit = 1 << 18
        _ = try interpreter.run(inputs)
    }

    /// The texts of all kernels.
    @discardableResult
    private static func kernels(of graph: Graph) throws -> [String] {
        let recorded = Mutex<[String]>([])
        var options = CompilerOptions(target: try CodegenTarget(named: "x86-64-v3"))
        options.lastStage = .kernels
        options.observer = StageObserver(stages: [.kernels]) { _, texts in recorded.withLock { $0 = texts.map(\.text) }
        }
        do {
            _ = try Compiler(options, generator: CodeGenerator()).compile(graph)
        } catch let problem as Diagnostic where problem.code == "compile.stopped" {}
        return recorded.withLock { $0 }
    }

    @Test func kernels() throws {
        let texts = try Self.texts(try TestFolder()).flatMap { try Self.kernels(of: Graph(text: $0)) }
        #expect(texts.count > 8)
        var damage = SplitMix64(seed: 5)
        var (sound, refused) = (0, 0)
        for text in texts {
            for _ in 0..<150 {
                do {
                    let function = try VectorFunction(text: damage.damaged(text))
                    #expect(try VectorFunction(text: function.text).text == function.text)
                    if VectorVerifier.problems(in: function).isEmpty { sound += 1 }
                } catch is Diagnostic {
                    refused += 1
                }
            }
        }
        #expect(sound > 20 && refused > 100, "\(sound) \(refused)")
    }
}
