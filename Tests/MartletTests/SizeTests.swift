import Martlet
import MartletCore
import MartletEngine
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

/// Sizes that are known only with the inputs, or only during the run.
@Suite struct SizeTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// The engine's outputs, after a comparison with the interpreter's.
    private func outputs(_ kit: ModelKit, _ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        let (found, expected) = (try kit.compiled().run(inputs), try kit.reference().run(inputs))
        #expect(found.keys.sorted() == expected.keys.sorted())
        for (name, tensor) in found {
            let comparison = OutputComparison(
                tensor, try #require(expected[name]), tolerance: Tolerance(rtol: 1e-5, atol: 1e-5))
            #expect(comparison.passes, "'\(name)': \(comparison)")
        }
        return found
    }

    /// Whether an axis of extent `n` is broadcast is decided in the run.
    @Test func undecidedBroadcast() throws {
        let kit = try ModelKit(
            folder, [ModelKit.node("Add", ["x", "table"], ["sum"])],
            inputs: [ModelKit.value("x", .float32, ["n", "4"])],
            outputs: ["sum"], constants: ["table": try tensor([1, 2, 3, 4, 10, 20, 30, 40] as [Float], [2, 4])])
        let one = try outputs(kit, ["x": try tensor([1, 1, 2, 2] as [Float], [1, 4])])
        #expect(try one["sum"]?.array(of: Float.self) == [2, 3, 5, 6, 11, 21, 32, 42])
        let two = try outputs(kit, ["x": try tensor([1, 1, 2, 2, 3, 3, 4, 4] as [Float], [2, 4])])
        #expect(try two["sum"]?.array(of: Float.self) == [2, 3, 5, 6, 13, 23, 34, 44])
        let three = ["x": try HostTensor(zeros: .float32, shape: [3, 4])]
        for run in try Self.runs(kit) {
            let problem = #expect(throws: Diagnostic.self) { try run(three) }
            let text = problem.map { "\($0)" } ?? ""
            #expect(text.contains("sum") && text.contains("3") && text.contains("2"), "\(text)")
        }
    }

    private static func runs(_ kit: ModelKit) throws -> [([String: HostTensor]) throws -> [String: HostTensor]] {
        let (model, judge) = (try kit.compiled(), try kit.reference())
        return [{ try model.run($0) }, { try judge.run($0) }]
    }

    @Test func emptyBatches() throws {
        let nodes = [
            ModelKit.node("MatMul", ["x", "w"], ["product"]),
            ModelKit.node("Softmax", ["product"], ["shares"], [AttributeProto("axis", .int(-1))]),
            ModelKit.node("ReduceSum", ["product", "second"], ["rows"]),
            ModelKit.node("ReduceSum", ["product", "first"], ["columns"]),
            ModelKit.node("ReduceMax", ["product", "second"], ["greatest"]),
            ModelKit.node("LayerNormalization", ["product", "gain"], ["normal"]),
            ModelKit.node("Transpose", ["product"], ["turned"]),
            ModelKit.node("MatMul", ["turned", "product"], ["square"]),
            ModelKit.node("Concat", ["x", "product"], ["joined"], [AttributeProto("axis", .int(1))]),
            ModelKit.node("Unsqueeze", ["x", "axes"], ["image"]),
            ModelKit.node("Conv", ["image", "filter"], ["filtered"]),
            ModelKit.node("MaxPool", ["filtered"], ["pooled"], [AttributeProto("kernel_shape", .ints([2]))]),
            ModelKit.node("TopK", ["product", "two"], ["best", "which"]),
            ModelKit.node("CumSum", ["product", "zero"], ["running"]),
        ]
        let kit = try ModelKit(
            folder, nodes, inputs: [ModelKit.value("x", .float32, ["n", "6"])],
            outputs: [
                "product", "shares", "rows", "columns", "greatest", "normal", "turned", "square", "joined", "filtered",
                "pooled", "best", "which", "running",
            ],
            constants: [
                "w": try noise([6, 5]), "first": try tensor([0] as [Int64]), "second": try tensor([1] as [Int64]),
                "gain": try noise([5], seed: 2), "axes": try tensor([1] as [Int64]),
                "filter": try noise([3, 1, 3], seed: 3), "two": try tensor([2] as [Int64]),
                "zero": HostTensor(scalar: Int64(0)),
            ])
        for count in [0, 1, 3, 0] {
            let found = try outputs(kit, ["x": try noise([count, 6], seed: count)])
            #expect(found["product"]?.shape == [count, 5] && found["pooled"]?.shape == [count, 3, 3])
            #expect(found["turned"]?.shape == [5, count] && found["square"]?.shape == [5, 5])
            if count == 0 {
                #expect(try found["columns"]?.array(of: Float.self) == [0, 0, 0, 0, 0])
                #expect(try found["square"]?.array(of: Float.self).allSatisfy { $0 == 0 } == true)
            }
        }
    }

    /// Picks the rows that a mask marks and multiplies them.
    private func picked(rows: String) throws -> ModelKit {
        let nodes = [
            ModelKit.node("NonZero", ["mask"], ["places"]), ModelKit.node("Squeeze", ["places", "axes"], ["rows"]),
            ModelKit.node("Gather", ["x", "rows"], ["picked"], [AttributeProto("axis", .int(0))]),
            ModelKit.node("MatMul", ["picked", "w"], ["product"]),
            ModelKit.node("ReduceSum", ["product", "axes"], ["sum"]),
        ]
        return try ModelKit(
            folder, name: "rows\(rows)", nodes,
            inputs: [ModelKit.value("mask", .float32, [rows]), ModelKit.value("x", .float32, [rows, "4"])],
            outputs: ["product", "sum"], constants: ["axes": try tensor([0] as [Int64]), "w": try noise([4, 3])])
    }

    /// The plan has the greatest size, whether the number of rows is known when the model is compiled or only when the
    /// run is planned. The outputs have the real one.
    @Test(arguments: ["9", "m"]) func sizesOfTheData(rows: String) throws {
        let kit = try picked(rows: rows)
        let engine = try kit.compiled().engine
        let plan = try engine.plan(for: engine.engine.inputs.map { $0.name == "mask" ? [9] : [9, 4] })
        #expect(plan.outputShapes[0] == [9, 3] && plan.growingOutputs.isEmpty)
        #expect(!engine.engine.describe().contains("grows during the run"))
        for kept in [[2, 3, 8], [], [0, 1, 2, 3, 4, 5, 6, 7, 8], [5]] {
            let mask = try tensor((0..<9).map { kept.contains($0) ? Float(1) : 0 })
            let found = try outputs(kit, ["mask": mask, "x": try noise([9, 4], seed: kept.count)])
            #expect(found["product"]?.shape == [kept.count, 3] && found["sum"]?.shape == [1, 3])
        }
    }

    /// Silero decides by the length of its chunk which way it goes. Lengths that no way takes are refused with words,
    /// before anything is computed; ONNX Runtime refuses the same ones.
    @Test(Prepared.needs(Prepared.silero), arguments: [0, 1, 64, 100, 191, 192, 288, 575, 577, 703, 704, 1152])
    func chunksOfOtherLengths(length: Int) throws {
        let run = try TestRun(prepared: Prepared.silero)
        let model = try Model.load(run.path, options: folder.options())
        let judge = ReferenceRunner(try Model.graph(run.path))
        var inputs = run.steps[0]
        inputs["input"] = try noise([1, length])
        if (192...703).contains(length) {
            let (found, expected) = (try model.run(inputs), try judge.run(inputs))
            for (name, tensor) in found {
                let comparison = OutputComparison(
                    tensor, try #require(expected[name]), tolerance: Tolerance(rtol: 1e-4, atol: 1e-5))
                #expect(comparison.passes, "'\(name)': \(comparison)")
            }
            return
        }
        let problems = [
            #expect(throws: Diagnostic.self) { try model.run(inputs) },
            #expect(throws: Diagnostic.self) { try judge.run(inputs) },
        ]
        for text in problems.map({ $0.map { "\($0)" } ?? "" }) {
            #expect(text.contains("'sequence' is \(length)") && text.contains("192...703"), "\(text)")
        }
    }
}

/// Sizes that must agree inside loops and branches.
@Suite struct NestedSizeTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func check(
        _ kit: ModelKit, _ inputs: [String: HostTensor], fails words: [String]?, _ what: Comment
    ) throws {
        let runs: [([String: HostTensor]) throws -> [String: HostTensor]] = [
            { try kit.compiled().run($0) }, { try kit.reference().run($0) },
        ]
        for run in runs {
            guard let words else {
                #expect(throws: Never.self, what) { try run(inputs) }
                continue
            }
            let problem = #expect(throws: Diagnostic.self, what) { try run(inputs) }
            let text = problem.map { "\($0)" } ?? ""
            for word in words { #expect(text.contains(word), "\(what): \(text)") }
        }
    }

    /// A side that is taken only where `sum` is asked for adds tensors of `n` and `m` elements.
    @Test func branches() throws {
        let then = ModelKit.body(
            [
                ModelKit.node("Mul", ["a", "b"], ["both"]),
                ModelKit.node("ReduceSum", ["both"], ["r"], [AttributeProto("keepdims", .int(0))]),
            ], outputs: ["r"])
        let otherwise = ModelKit.body(
            [ModelKit.node("ReduceSum", ["a"], ["s"], [AttributeProto("keepdims", .int(0))])], outputs: ["s"])
        let kit = try ModelKit(
            folder,
            [
                ModelKit.node(
                    "If", ["both?"], ["y"],
                    [AttributeProto("then_branch", then), AttributeProto("else_branch", otherwise)])
            ],
            inputs: [
                ModelKit.value("both?", .bool, []), ModelKit.value("a", .float32, ["n"]),
                ModelKit.value("b", .float32, ["m"]),
            ], outputs: ["y"])
        let (a, b) = (try noise([5]), try noise([3]))
        let (yes, no) = (HostTensor(scalar: true), HostTensor(scalar: false))
        try check(kit, ["both?": yes, "a": a, "b": a], fails: nil, "equal sizes")
        try check(kit, ["both?": yes, "a": a, "b": b], fails: ["5", "3"], "sizes that differ")
        try check(kit, ["both?": no, "a": a, "b": b], fails: nil, "a side that is not taken")
    }

    /// Each turn picks elements of its row and multiplies them with as many weights as there should be.
    @Test func sizesThatATurnReads() throws {
        let body = ModelKit.body(
            [
                ModelKit.node("Gather", ["x", "turn"], ["row"], [AttributeProto("axis", .int(0))]),
                ModelKit.node("NonZero", ["row"], ["places"]),
                ModelKit.node("Squeeze", ["places", "first"], ["which"]),
                ModelKit.node("Gather", ["row", "which"], ["picked"], [AttributeProto("axis", .int(0))]),
                ModelKit.node("Add", ["picked", "weights"], ["both"]),
                ModelKit.node("ReduceSum", ["both"], ["r"], [AttributeProto("keepdims", .int(0))]),
                ModelKit.node("Add", ["sum", "r"], ["next"]), ModelKit.node("Identity", ["condition"], ["goesOn"]),
            ],
            inputs: [
                ModelKit.value("turn", .int64, []), ModelKit.value("condition", .bool, []),
                ModelKit.value("sum", .float32, []),
            ], outputs: ["goesOn", "next"])
        let kit = try ModelKit(
            folder, [ModelKit.node("Loop", ["turns", "true", "zero"], ["y"], [AttributeProto("body", body)])],
            inputs: [
                ModelKit.value("x", .float32, ["n", "6"]), ModelKit.value("turns", .int64, []),
                ModelKit.value("weights", .float32, ["3"]),
            ], outputs: ["y"],
            constants: [
                "first": try tensor([0] as [Int64]), "true": HostTensor(scalar: true),
                "zero": HostTensor(scalar: Float(0)),
            ])
        let x = try tensor([1, 0, 2, 0, 3, 0, 0, 4, 5, 6, 0, 0, 7, 8, 9, 1, 0, 0] as [Float], [3, 6])
        let weights = try noise([3])
        for (turns, words) in [(2, nil), (3, ["4", "3"])] as [(Int64, [String]?)] {
            let inputs = ["x": x, "turns": HostTensor(scalar: turns), "weights": weights]
            try check(kit, inputs, fails: words, "\(turns) turns")
        }
    }

    /// A value that grows by an element a turn meets one of four.
    @Test func sizesThatGrow() throws {
        let body = ModelKit.body(
            [
                ModelKit.node("Concat", ["seen", "one"], ["seenNext"], [AttributeProto("axis", .int(0))]),
                ModelKit.node("Equal", ["turn", "three"], ["isThird"]),
                ModelKit.node(
                    "If", ["isThird"], ["r"],
                    [
                        AttributeProto(
                            "then_branch",
                            ModelKit.body(
                                [
                                    ModelKit.node("Mul", ["seen", "x"], ["both"]),
                                    ModelKit.node("ReduceSum", ["both"], ["p"], [AttributeProto("keepdims", .int(0))]),
                                ], outputs: ["p"])),
                        AttributeProto(
                            "else_branch", ModelKit.body([ModelKit.node("Identity", ["zero"], ["q"])], outputs: ["q"])),
                    ]),
                ModelKit.node("Add", ["sum", "r"], ["next"]), ModelKit.node("Identity", ["condition"], ["goesOn"]),
            ],
            inputs: [
                ModelKit.value("turn", .int64, []), ModelKit.value("condition", .bool, []),
                ModelKit.value("seen", .float32, ["k"]), ModelKit.value("sum", .float32, []),
            ], outputs: ["goesOn", "seenNext", "next"])
        let kit = try ModelKit(
            folder,
            [ModelKit.node("Loop", ["turns", "true", "one", "zero"], ["all", "y"], [AttributeProto("body", body)])],
            inputs: [ModelKit.value("x", .float32, ["n"]), ModelKit.value("turns", .int64, [])], outputs: ["all", "y"],
            constants: [
                "three": HostTensor(scalar: Int64(3)), "true": HostTensor(scalar: true),
                "zero": HostTensor(scalar: Float(0)), "one": try tensor([1] as [Float]),
            ])
        for (count, words) in [(4, nil), (6, ["4", "6"])] as [(Int, [String]?)] {
            let inputs = ["x": try noise([count]), "turns": HostTensor(scalar: Int64(5))]
            try check(kit, inputs, fails: words, "\(count) elements")
        }
    }
}
