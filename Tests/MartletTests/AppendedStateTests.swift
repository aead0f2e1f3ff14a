import Martlet
import MartletEngine
import MartletIR
import MartletLibrary
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

/// A layer of attention that keeps the keys and values of earlier steps.
@Suite struct AppendedStateTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private static let width = 32, heads = 4, capacity = 256, most = 16

    private static func random(_ shape: [Int], _ seed: Int) throws -> HostTensor {
        try noise(shape, seed: seed, scale: 0.25)
    }

    /// x [1, n, 32] attends to itself and everything before; past and present are [1, 4, length, 8].
    private static func layer() throws -> Graph {
        let depth = width / heads
        let past = Extent(named: "past", lower: 0, upper: capacity - most)
        let cache: [Extent] = [1, Extent(heads), past, Extent(depth)]
        return try trace(
            [
                TraceInput("x", .float32, [1, Extent(named: "n", lower: 1, upper: most), Extent(width)]),
                TraceInput("past_k", .float32, cache),
                TraceInput("past_v", .float32, cache),
            ], states: ["past_k": "present_k", "past_v": "present_v"]
        ) { inputs in
            let shape = try inputs[0].shape
            func projected(_ seed: Int) throws -> Tensor {
                let weights = Tensor(try random([width, width], seed))
                return try inputs[0].matmul(weights)
                    .reshaped(to: [1, shape[1], IntExpr(heads), IntExpr(depth)]).transposed([0, 2, 1, 3])
            }
            let keys = try Tensor.concatenate([inputs[1], projected(2)], axis: 2)
            let values = try Tensor.concatenate([inputs[2], projected(3)], axis: 2)
            let scores = try projected(1).matmul(keys.transposed([0, 1, 3, 2])).softmax(axis: 3)
            let joined = try scores.matmul(values).transposed([0, 2, 1, 3]).reshaped(to: shape)
            return ["y": joined, "present_k": keys, "present_v": values]
        }
    }

    /// The interpreter, which concatenates, run from state to state.
    private struct Reference {
        let graph: Graph
        var keys: HostTensor, values: HostTensor

        mutating func step(_ x: HostTensor) throws -> [Double] {
            let results = try Interpreter(graph).run([x, keys, values])
            (keys, values) = (results[1], results[2])
            return try results[0].doubles()
        }
    }

    private func expectClose(_ found: HostTensor?, _ expected: [Double], _ step: Int) throws {
        let found = try #require(found).doubles()
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "step \(step)")
    }

    @Test func twoSessionsOfAHundredSteps() throws {
        let graph = try Self.layer()
        let model = try Model(graph, options: folder.options())
        let empty = try HostTensor(zeros: .float32, shape: [1, Self.heads, 0, Self.width / Self.heads])
        let sessions = [model.makeSession(), model.makeSession()]
        var references = [Reference](repeating: Reference(graph: graph, keys: empty, values: empty), count: 2)
        for step in 0..<100 {
            for which in [0, 1] {
                let x = try Self.random([1, step == 0 ? 3 : 1, Self.width], 1000 + 2 * step + which)
                let found = try sessions[which].run(["x": x])
                #expect(found.keys.sorted() == ["y"])
                try expectClose(found["y"], references[which].step(x), step)
            }
        }
        for (session, reference) in zip(sessions, references) {
            let states = try session.states
            #expect(states["past_k"]?.shape == [1, Self.heads, 102, Self.width / Self.heads])
            try expectClose(states["past_k"], reference.keys.doubles(), 100)
            try expectClose(states["past_v"], reference.values.doubles(), 100)
        }
        try sessions[0].reset()
        references[0] = Reference(graph: graph, keys: empty, values: empty)
        let x = try Self.random([1, 1, Self.width], 7)
        try expectClose(sessions[0].run(["x": x])["y"], references[0].step(x), 0)
        try expectClose(sessions[1].run(["x": x])["y"], references[1].step(x), 101)
    }

    /// What a step reads and writes beside attention itself does not grow with what is cached.
    @Test func noStepCopiesTheCache() throws {
        let engine = try Model(Self.layer(), options: folder.options()).engine.engine
        #expect(engine.states.map(\.growth?.axis) == [2, 2])
        #expect(engine.states.map(\.growth?.capacity) == [Self.capacity, Self.capacity])
        let grown = engine.steps.filter { $0.bytes.map { engine.text(of: $0).contains("past") } ?? false }
        // The scores, their softmax and the weighted sum.
        #expect(grown.count <= 3, "\(grown.map(\.note))")
    }

    @Test func statesGivenAndTakenAreRowMajor() throws {
        let graph = try Self.layer()
        let model = try Model(graph, options: folder.options())
        let shape = [1, Self.heads, 5, Self.width / Self.heads]
        let inputs = [
            "x": try Self.random([1, 2, Self.width], 1), "past_k": try Self.random(shape, 2),
            "past_v": try Self.random(shape, 3),
        ]
        let expected = try Interpreter(graph).run(["x", "past_k", "past_v"].compactMap { inputs[$0] })
        let found = try model.run(inputs)
        for (name, tensor) in zip(["y", "present_k", "present_v"], expected) {
            try expectClose(found[name], tensor.doubles(), 0)
        }
        let session = model.makeSession()
        try session.reset(["past_k": try #require(inputs["past_k"]), "past_v": try #require(inputs["past_v"])])
        try expectClose(session.run(["x": try #require(inputs["x"])])["y"], expected[0].doubles(), 0)
        let copy = try session.copy()
        let again = try session.run(["x": try #require(inputs["x"])])["y"]
        try expectClose(copy.run(["x": try #require(inputs["x"])])["y"], try #require(again).doubles(), 1)
    }

    @Test func aFullCacheIsAnError() throws {
        let session = try Model(Self.layer(), options: folder.options()).makeSession()
        let x = try Self.random([1, 1, Self.width], 1)
        for _ in 0..<Self.capacity / Self.most {
            _ = try session.run(["x": try Self.random([1, Self.most, Self.width], 1)])
        }
        let before = try session.states["past_k"]?.shape
        #expect(throws: (any Error).self) { try session.run(["x": x]) }
        #expect(try session.states["past_k"]?.shape == before)
    }

    /// States of a model file are named when it is compiled, by the command too.
    @Test func statesOfAModelFile() throws {
        let kit = try ModelKit(
            folder,
            [
                ModelKit.node("Concat", ["past", "x"], ["present"], [AttributeProto("axis", .int(1))]),
                ModelKit.node("ReduceSum", ["present", "axes"], ["total"]),
            ],
            inputs: [
                ModelKit.value("past", .float32, ["2", "length", "3"]), ModelKit.value("x", .float32, ["2", "n", "3"]),
            ], outputs: ["present", "total"], constants: ["axes": tensor([1] as [Int64])])
        var options = folder.options()
        options.states = ["past": "present"]
        let model = try Model.load(kit.path, options: options)
        #expect(model.engine.engine.states.map(\.growth?.axis) == [1])
        let session = model.makeSession()
        var totals: [[Float]] = []
        for step in 1...3 {
            let x = try tensor([Float](repeating: Float(step), count: 6), [2, 1, 3])
            totals.append(try #require(session.run(["x": x])["total"]).array(of: Float.self))
        }
        #expect(totals == [1, 3, 6].map { [Float](repeating: $0, count: 6) })
        #expect(try session.states["past"]?.shape == [2, 3, 3])
        options.states = ["past": "nothing"]
        #expect(throws: Diagnostic.self) { try Model.load(kit.path, options: options) }
    }
}
