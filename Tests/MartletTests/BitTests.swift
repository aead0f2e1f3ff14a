import Martlet
import MartletCore
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

/// The bits of outputs depend on the engine and the inputs alone: not on the number of threads, on the run, on what the
/// caller has set for arithmetic, or on what else runs.
@Suite struct BitTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    @Test(Prepared.needs(Prepared.magika)) func magika() async throws {
        try await check(TestRun(prepared: Prepared.magika), runs: 100)
    }

    @Test(Prepared.needs(Prepared.silero)) func sileroAsAStream() async throws {
        try await check(TestRun(prepared: Prepared.silero), runs: 100)
    }

    @Test(Prepared.needs(Prepared.miniLM)) func miniLM() async throws {
        try await check(TestRun(prepared: Prepared.miniLM), runs: 100)
    }

    @Test(Prepared.needs(Prepared.greedyLoop)) func greedyLoop() async throws {
        try await check(TestRun(prepared: Prepared.greedyLoop), runs: 100)
    }

    @Test(Prepared.needs(Prepared.resNet), .enabled(if: Prepared.isLong, "set MARTLET_LONG=1"))
    func resNet() async throws {
        try await check(TestRun(prepared: Prepared.resNet), runs: 8)
    }

    @Test(arguments: [1, 1e-20, 1e-38, Float(bitPattern: 2141)]) func productsAndRows(scale: Float) async throws {
        let kit = try Self.rows(folder)
        let steps = try [1, 7, 300].map { count in
            [
                "x": try noise([count, 48], seed: count, scale: scale),
                "y": try noise([count, 48], seed: 9, scale: 0.75),
                "w": try noise([48, 80], scale: 1),
            ]
        }
        try await check(TestRun(path: kit.path, steps: steps), runs: 100)
    }

    @Test(arguments: [1, 1e-38, Float(bitPattern: 2141)]) func convolutions(scale: Float) async throws {
        let kit = try Self.convolutions(folder)
        let steps = try [1, 3].map { ["x": try noise([$0, 6, 19, 23], seed: $0, scale: scale)] }
        try await check(TestRun(path: kit.path, steps: steps), runs: 100)
    }

    /// Denormal numbers are numbers: elementwise results are those of the interpreter to the bit, in any mode.
    @Test func denormalsAreKept() throws {
        let kit = try Self.rows(folder)
        let x = try noise([5, 48], scale: 1e-38)
        let inputs = ["x": x, "y": try noise([5, 48], seed: 2), "w": try noise([48, 80])]
        let expected = try kit.reference().run(inputs)
        let denormals = try expected["scaled"]?.array(of: Float.self).filter(\.isSubnormal).count ?? 0
        #expect(denormals > 100)
        for mode in CallerMode.allCases {
            let (found, judged) = try mode.around {
                (try kit.compiled().run(inputs), try kit.reference().run(inputs))
            }
            #expect(difference([found.filter { $0.key == "scaled" }], [expected.filter { $0.key == "scaled" }]) == nil)
            #expect(difference([judged], [expected]) == nil, "the interpreter in \(mode)")
        }
    }

    /// Compiling folds constants; what it computes is in the engine.
    @Test func compilingDoesNotDependOnTheMode() throws {
        let weights = ["w": try noise([64], scale: 1e-37), "v": try noise([64], seed: 2, scale: 0.3)]
        let nodes = [
            ModelKit.node("Mul", ["w", "v"], ["folded"]), ModelKit.node("Add", ["folded", "x"], ["y"]),
        ]
        let kit = try ModelKit(
            folder, nodes, inputs: [ModelKit.value("x", .float32, ["64"])], outputs: ["y"], constants: weights)
        let x = ["x": try HostTensor(zeros: .float32, shape: [64])]
        let expected = try kit.compiled().run(x)
        for mode in CallerMode.allCases {
            let other = try TestFolder()
            let model = try mode.around { try Model.load(kit.path, options: other.options()) }
            #expect(difference([try model.run(x)], [expected]) == nil, "\(mode)")
        }
    }
}

extension BitTests {
    /// Compares the outputs of `runs` runs for each number of threads with those of the first, each run in another mode
    /// of the caller; then those of two sessions that run at once.
    private func check(_ run: TestRun, runs: Int) async throws {
        let expected = try run.outputs(Model.load(run.path, options: folder.options()).engine)
        for threads in 1...3 {
            let engine = try Model.load(run.path, options: folder.options(threads: threads)).engine
            try Self.compare(run, engine, expected, runs: runs, "\(threads) threads")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["one", "other"] {
                    group.addTask {
                        try Self.compare(run, engine, expected, runs: max(runs / 10, 2), "\(name) of two sessions")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func compare(
        _ run: TestRun, _ engine: LoadedEngine, _ expected: [[String: HostTensor]], runs: Int, _ what: String
    ) throws {
        for number in 0..<runs {
            let mode = CallerMode.allCases[number % CallerMode.allCases.count]
            // Most runs are of the first set alone, unless the sets are a stream.
            let count = run.links.isEmpty && number % 10 != 9 ? 1 : run.steps.count
            let part = TestRun(path: run.path, steps: Array(run.steps[..<count]), links: run.links)
            let found = try mode.around { try part.outputs(engine) }
            if let difference = difference(found, Array(expected[..<count])) {
                Issue.record("\(what), run \(number), \(mode): \(difference)")
                return
            }
        }
    }

    /// A product with an epilogue, softmax, a norm and sums over rows and columns.
    private static func rows(_ folder: TestFolder) throws -> ModelKit {
        let nodes = [
            ModelKit.node("Mul", ["x", "y"], ["scaled"]), ModelKit.node("MatMul", ["scaled", "w"], ["product"]),
            ModelKit.node("Relu", ["product"], ["positive"]),
            ModelKit.node("Softmax", ["product"], ["shares"], [AttributeProto("axis", .int(-1))]),
            ModelKit.node("ReduceSum", ["scaled", "first"], ["columns"]),
            ModelKit.node("ReduceSum", ["product", "second"], ["rows"]),
            ModelKit.node("LayerNormalization", ["product", "gain"], ["normal"]),
            ModelKit.node("Tanh", ["scaled"], ["bent"]),
        ]
        return try ModelKit(
            folder, name: "rows", nodes,
            inputs: [
                ModelKit.value("x", .float32, ["n", "48"]), ModelKit.value("y", .float32, ["n", "48"]),
                ModelKit.value("w", .float32, ["48", "80"]),
            ],
            outputs: ["scaled", "product", "positive", "shares", "columns", "rows", "normal", "bent"],
            constants: [
                "first": try tensor([0] as [Int64]), "second": try tensor([1] as [Int64]),
                "gain": try noise([80], seed: 4),
            ])
    }

    private static func convolutions(_ folder: TestFolder) throws -> ModelKit {
        let pads = AttributeProto("pads", .ints([1, 1, 1, 1]))
        let nodes = [
            ModelKit.node("Conv", ["x", "w"], ["a"], [pads]), ModelKit.node("Relu", ["a"], ["b"]),
            ModelKit.node("Conv", ["b", "d"], ["c"], [pads, AttributeProto("group", .int(12))]),
            ModelKit.node("MaxPool", ["c"], ["e"], [AttributeProto("kernel_shape", .ints([2, 2]))]),
            ModelKit.node("GlobalAveragePool", ["c"], ["f"]),
        ]
        return try ModelKit(
            folder, name: "convolutions", nodes, inputs: [ModelKit.value("x", .float32, ["n", "6", "19", "23"])],
            outputs: ["a", "c", "e", "f"],
            constants: ["w": try noise([12, 6, 3, 3], seed: 5), "d": try noise([12, 1, 3, 3], seed: 6)])
    }
}
