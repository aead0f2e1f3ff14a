import Martlet
import MartletCompiler
import MartletCore
import MartletIR
import MartletLibrary
import MartletONNX
import MartletRuntime
import Synchronization
import TestSupport
import Testing

/// Spelled-out functions become calls.
@Suite struct RaisingTests {
    private func raised(_ graph: Graph) throws -> Graph { try graph.raisingKeptCalls(to: KeptFunctions.all).graph }

    private func model(_ spelling: LayerNormSpelling, _ shape: [Int] = [-1, 5, 24], axis: Int = 2) throws -> Graph {
        var none: SplitMix64?
        return try spelling.model(shape, axis: axis, constants: &none)
    }

    // MARK: Layer normalisation

    @Test(arguments: LayerNormSpelling.allCases)
    func layerNormIsOneCall(spelling: LayerNormSpelling) throws {
        for (shape, axis) in [([-1, 5, 24], 2), ([3, 5, 24], 1), ([2, -1, 3, 4], 2), ([-1, 8], 1)] {
            let graph = try raised(model(spelling, shape, axis: axis))
            #expect(graph.keptCalls == ["layer_normalization"], "\(spelling) of \(shape) from \(axis) on")
            #expect(graph.nodes.count == 1)
            #expect(graph.textWithoutOrigins == (try raised(model(.standard, shape, axis: axis))).textWithoutOrigins)
        }
    }

    @Test(arguments: LayerNormSpelling.allCases)
    func constantParametersAreFoundThoughFolded(spelling: LayerNormSpelling) throws {
        for (shape, axis) in [([2, 3, 4], 2), ([1, 6], 1), ([2, 3, 4], 1), ([-1, 7, 640], 2)] {
            var (numbers, same): (SplitMix64?, SplitMix64?) = (SplitMix64(seed: 1), SplitMix64(seed: 1))
            let graph = try raised(spelling.model(shape, axis: axis, constants: &numbers))
            #expect(graph.keptCalls == ["layer_normalization"], "\(spelling) of \(shape) from \(axis) on")
            let standard = try LayerNormSpelling.standard.model(shape, axis: axis, constants: &same)
            #expect(graph.textWithoutOrigins == standard.textWithoutOrigins)
        }
    }

    @Test func callHasTheOriginsOfAllNodes() throws {
        let graph = try raised(model(.powers))
        let node = try #require(graph.nodeIDs.first { graph.operation(of: $0) is any KeptFunction })
        #expect(graph.origins(of: node).first == "ReduceMean1")
        #expect(graph.origins(of: node).last == "Add11")
        #expect(graph.origins(of: node).count == 9)
    }

    @Test(arguments: LayerNormSpelling.allCases)
    func spellingsHaveOneCanonicalFormAndOneKernel(spelling: LayerNormSpelling) throws {
        let (own, standard) = (try stages(model(spelling)), try stages(model(.standard)))
        #expect(own.canonical == standard.canonical)
        #expect(own.kernels == standard.kernels && !own.kernels.isEmpty)
    }

    private func stages(_ graph: Graph) throws -> (canonical: String, kernels: [String]) {
        let kernels = Mutex<[String]>([])
        var options = CompilerOptions(target: try CodegenTarget(named: "x86-64-v3"))
        options.lastStage = .llvm
        options.observer = StageObserver(stages: [.llvm]) { _, texts in kernels.withLock { $0 = texts.map(\.text) } }
        let compiler = Compiler(options, generator: CodeGenerator())
        let canonical = try compiler.canonical(graph).textWithoutOrigins
        do {
            _ = try compiler.compile(graph)
        } catch let diagnostic as Diagnostic where diagnostic.code == "compile.stopped" {}
        return (canonical, kernels.withLock { $0 })
    }

    @Test(.enabled(if: CodegenTarget.host != nil), arguments: LayerNormSpelling.allCases)
    func answersDoNotDependOnRaising(spelling: LayerNormSpelling) throws {
        var numbers = SplitMix64(seed: 7)
        let graph = try model(spelling)
        let inputs = [try numbers.tensor([3, 5, 24]), try numbers.tensor([24]), try numbers.tensor([24])]
        let expected = try Interpreter(model(.standard)).run(inputs)[0]
        let raised = try run(graph, inputs, disabled: [])
        try expectClose(raised, expected)
        try expectClose(try run(graph, inputs, disabled: ["raise-kept-calls"]), expected)
        #expect(try raised.doubles() == run(model(.standard), inputs, disabled: []).doubles())
    }

    private func run(_ graph: Graph, _ inputs: [HostTensor], disabled: Set<String>) throws -> HostTensor {
        var options = CompilerOptions(target: try #require(CodegenTarget.host))
        options.rules.disabled = disabled
        let engine = try Compiler(options, generator: CodeGenerator()).compile(graph)
        let named = Dictionary(zip(graph.inputs.map(\.name), inputs)) { first, _ in first }
        let results = try Session(try Runtime.shared.load(engine)).run(named)
        return try #require(results[graph.outputs[0].name])
    }

    private func expectClose(_ found: HostTensor, _ expected: HostTensor, _ what: String = "") throws {
        #expect(found.shape == expected.shape && found.type == expected.type, "\(what)")
        let pairs = zip(try found.doubles(), try expected.doubles())
        let difference = pairs.map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
        #expect(difference < 2e-5, "\(what)")
    }

    @Test func randomNormsMeanTheSameRaised() throws {
        var numbers = SplitMix64(seed: 3)
        for round in 0..<120 {
            let shape = (0..<numbers.int(1...4)).map { _ in numbers.int(1...6) }
            let axis = numbers.int(0...shape.count - 1)
            let spelling = LayerNormSpelling.allCases[round % LayerNormSpelling.allCases.count]
            var constants: SplitMix64? = round.isMultiple(of: 2) ? numbers : nil
            let epsilon = [1e-5, 1e-3, 0.5][numbers.int(0...2)]
            let graph = try spelling.model(shape, axis: axis, epsilon: epsilon, constants: &constants)
            let inputs = try graph.inputTypes.map { try numbers.tensor($0.staticShape ?? []) }
            let raised = try raised(graph)
            let what = "round \(round): \(spelling) of \(shape) from \(axis) on"
            #expect(raised.problems().isEmpty, "\(what)")
            // A single number is scaled in other nodes than a row of them.
            if shape[axis...].contains(where: { $0 > 1 }) {
                #expect(raised.keptCalls == ["layer_normalization"], "\(what)")
            }
            try expectClose(try Interpreter(raised).run(inputs)[0], try Interpreter(graph).run(inputs)[0], what)
            try expectClose(
                try Interpreter(raised.expandingKeptCalls()).run(inputs)[0], try Interpreter(graph).run(inputs)[0], what
            )
        }
    }

    // MARK: Other functions

    @Test(arguments: [-1, 1, -2]) func softmaxIsOneCall(axis: Int) throws {
        var model = SpelledModel(opset: 13)
        let x = model.input("x", [-1, 4, 9])
        let axes = AttributeProto("axes", .ints([Int64(axis)]))
        let powers = model.add("Exp", [model.add("Sub", [x, model.add("ReduceMax", [x], [axes])])])
        model.output(model.add("Div", [powers, model.add("ReduceSum", [powers, try model.integers([axis])])]))
        #expect(try raised(model.imported()).keptCalls == ["softmax"])
    }

    /// As transformers spell it: `weight * (x · rsqrt(mean(x²) + ε))`, in float32 in the midst of float16 or not.
    @Test(arguments: [ElementType.float32, .float16]) func meanSquareNormIsOneCall(type: ElementType) throws {
        var model = SpelledModel(opset: 17)
        let (x, weight) = (model.input("x", [-1, 3, 16], type), model.input("weight", [16], type))
        let wide = model.add("Cast", [x], [AttributeProto("to", .int(1))])
        let mean = try model.mean(model.add("Pow", [wide, try model.number(2)]), [-1])
        let root = model.add("Sqrt", [model.add("Add", [mean, try model.number(1e-6)])])
        let normal = model.add("Mul", [wide, model.add("Div", [try model.number(1), root])])
        let narrow = model.add("Cast", [normal], [AttributeProto("to", .int(type == .float16 ? 10 : 1))])
        model.output(model.add("Mul", [weight, narrow]))
        let graph = try model.imported()
        let raised = try raised(graph)
        #expect(raised.keptCalls == ["rms_normalization"] && raised.nodes.count == 1)
        var numbers = SplitMix64(seed: 5)
        let shapes = [[2, 3, 16], [16]]
        let inputs = try shapes.map { shape in
            try HostTensor.fromDoubles(try numbers.tensor(shape).doubles(), as: type, shape: shape)
        }
        let found = try Interpreter(raised).run(inputs)[0].doubles()
        // One rounding of float16 may fall the other way.
        let tolerance = type == .float16 ? 0.004 : 1e-6
        for (a, b) in zip(found, try Interpreter(graph).run(inputs)[0].doubles()) { #expect(abs(a - b) <= tolerance) }
    }

    @Test(arguments: [false, true], [0, 1, 2]) func geluIsOneCall(isApproximate: Bool, halfPlace: Int) throws {
        var model = SpelledModel(opset: 13)
        let x = model.input("x", [-1, 9])
        let argument: String
        if isApproximate {
            let cube = model.add("Pow", [x, try model.number(3)])
            let sum = model.add("Add", [x, model.add("Mul", [try model.number(0.044715), cube])])
            argument = model.add("Tanh", [model.add("Mul", [try model.number((2 / Double.pi).squareRoot()), sum])])
        } else {
            argument = model.add("Erf", [model.add("Div", [x, try model.number(2.0.squareRoot())])])
        }
        let (factor, half) = (model.add("Add", [argument, try model.number(1)]), try model.number(0.5))
        switch halfPlace {
        case 0: model.output(model.add("Mul", [model.add("Mul", [x, half]), factor]))
        case 1: model.output(model.add("Mul", [x, model.add("Mul", [half, factor])]))
        default: model.output(model.add("Mul", [model.add("Mul", [x, factor]), half]))
        }
        let graph = try model.imported()
        let raised = try raised(graph)
        #expect(raised.keptCalls == ["gelu"])
        let input = try HostTensor((0..<18).map { Float($0 - 9) / 3 }, shape: [2, 9])
        try expectClose(try Interpreter(raised).run([input])[0], try Interpreter(graph).run([input])[0])
    }

    // MARK: Around raising

    @Test func branchesAreRaisedToo() throws {
        let graph = try trace([TraceInput("x", .float32, [4, 8]), TraceInput("c", .bool, [])]) { inputs in
            let results = try Tensor.branch(
                inputs[1],
                then: {
                    let powers = try (inputs[0] - inputs[0].reduced(.max, axes: [1], keepingAxes: true)).mapped(.exp)
                    return [powers / (try powers.reduced(.sum, axes: [1], keepingAxes: true))]
                }, else: { [inputs[0]] })
            return ["y": results[0]]
        }
        #expect(graph.keptCalls.isEmpty)
        #expect(try raised(graph).keptCalls == ["softmax"])
    }

    @Test func callsAreExportedAsOperators() throws {
        let graph = try raised(model(.definition))
        func operators(_ opset: Int) throws -> [String] {
            try ONNXExporter.export(graph, opset: opset).graph?.nodes.map(\.opType) ?? []
        }
        #expect(try operators(17) == ["LayerNormalization"])
        #expect(try !operators(16).contains("LayerNormalization"))
        let again = try ONNXImporter.import(ONNXModel(try ONNXExporter.export(graph, opset: 17))).graph
        #expect(again.textWithoutOrigins == graph.textWithoutOrigins)
    }

    @Test func rewritesCanBeLimited() throws {
        var options = RuleSet.Options()
        options.limit = 0
        let graph = try model(.powers)
        #expect(try graph.raisingKeptCalls(to: KeptFunctions.all, rules: RuleSet(options)).graph.keptCalls.isEmpty)
    }
}
