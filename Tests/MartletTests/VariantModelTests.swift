import Martlet
import MartletCompiler
import MartletCore
import MartletEngine
import MartletONNX
import TestSupport
import Testing

/// Models compiled for some shapes besides all others.
@Suite struct VariantModelTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Two layers with weights: `y = relu(x w) v`.
    private func network(rows: Extent) throws -> Graph {
        let w = try Tensor((0..<600).map { Float($0 % 13) / 13 }, shape: [20, 30])
        let v = try Tensor((0..<300).map { Float($0 % 7) / 7 }, shape: [30, 10])
        return try trace([TraceInput("x", .float32, [rows, 20])]) { x in ["y": try x[0].matmul(w).relu().matmul(v)] }
    }

    private func x(_ rows: Int) throws -> HostTensor {
        try HostTensor((0..<20 * rows).map { Float($0 % 11) - 5 }, shape: [rows, 20])
    }

    @Test func allVariantsAgreeAndShareTheWeights() throws {
        let general = try network(rows: "n")
        let compiler = try ModelCompiler(folder.settings)
        let alone = try compiler.compile(general, name: "test")
        let engine = try compiler.compile(
            general, specialisations: [try network(rows: 3), try network(rows: 250)], name: "test")
        // Tiles for 250 rows are those for an unknown number, and panels of weights are as wide as tiles.
        let shared = try compiler.compile(general, specialisations: [try network(rows: 250)], name: "test")
        #expect(shared.weights.count == alone.weights.count && alone.weights.count > 0)
        #expect(engine.specialisations.count == 2)
        let path = "\(folder.path)/test.martlet"
        try engine.write(to: path)
        let model = try Model.load(path, options: folder.options())
        #expect(model.inputs.map(\.description) == ["x: f32[n, 20]"])
        for rows in [1, 3, 249, 250] {
            let y = try #require(try model.run(["x": x(rows)])["y"])
            let expected = try Interpreter(general).run([x(rows)])[0]
            let comparison = OutputComparison(y, expected, tolerance: Tolerance(rtol: 1e-5, atol: 1e-5))
            #expect(comparison.passes, "\(comparison)")
            let plan = try model.engine.plan(for: [[rows, 20]])
            let variant = try model.engine.variant(of: plan)
            #expect(variant.sizes == ([3, 250].contains(rows) ? "x [\(rows), 20]" : "x [n, 20], n in 0..."))
        }
    }

    @Test func portsOfAnEngineForSomeShapesNameThemAll() throws {
        let engine = try ModelCompiler(folder.settings).compile(
            try network(rows: 3), specialisations: [try network(rows: 16)], name: "test")
        let model = try Model(try Runtime(threads: 1).load(engine))
        #expect(model.inputs.map(\.description) == ["x: f32[16|3, 20]"])
        #expect(throws: Diagnostic.self) { try model.run(["x": x(4)]) }
        #expect(try model.run(["x": x(16)])["y"]?.shape == [16, 10])
    }

    @Test func variantsOfAnotherModelAreRefused() throws {
        let other = try trace([TraceInput("z", .float32, [3, 20])]) { x in ["y": x[0] + x[0]] }
        let compiler = try ModelCompiler(folder.settings)
        let problem = #expect(throws: Diagnostic.self) {
            try compiler.compile(network(rows: "n"), specialisations: [other], name: "test")
        }
        #expect(problem?.code == "engine.invalid")
        let many = [Graph](repeating: try network(rows: 3), count: Engine.maximumSpecialisations + 1)
        #expect(throws: Diagnostic.self) {
            try compiler.compile(network(rows: "n"), specialisations: many, name: "test")
        }
    }

    @Test func modelsTakeSpecialisationsAsAnOption() throws {
        var options = folder.options()
        options.specialisations = [["x": [4, 2]]]
        let path = try CaseKit.doubling("\(folder.path)/double")
        for _ in 0..<2 {  // compiled, then from the cache
            let model = try Model.load(path, options: options)
            let engines = try [4, 5].map { try model.engine.variant(of: model.engine.plan(for: [[$0, 2]])) }
            #expect(engines.map(\.sizes) == ["x [4, 2]", "x [n, 2], n in 0..."])
        }
        #expect(try Model.load(path, options: folder.options()).engine.engine.specialisations.isEmpty)
    }
}
