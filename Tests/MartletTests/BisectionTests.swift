import Martlet
import MartletCompiler
import MartletCore
import MartletONNX
import Synchronization
import TestSupport
import Testing

/// Bisection names a wrong rule, which is wrong in the tests only, and a wrong fusion.
@Suite struct BisectionTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// `y = ((a + b) * b + a) * a`, with the outputs that are right.
    private func kit() throws -> CaseFolder {
        let kit = try CaseKit(
            "\(folder.path)/polynomial",
            nodes: [
                CaseKit.node("Add", ["a", "b"], "s"), CaseKit.node("Mul", ["s", "b"], "p"),
                CaseKit.node("Add", ["p", "a"], "t"), CaseKit.node("Mul", ["t", "a"], "y"),
            ], inputs: [CaseKit.tensor("a", [2]), CaseKit.tensor("b", [2])], outputs: [CaseKit.tensor("y", [2])])
        try kit.add(
            set: 0, inputs: [CaseKit.floats([1, 2]), CaseKit.floats([3, 4])], outputs: [CaseKit.floats([13, 52])])
        return try CaseFolder(path: kit.path)
    }

    /// A pass whose rule takes a product for a sum, from the product number `first` on, counted from 0.
    private func wrongPass(from first: Int) -> Pass {
        Pass(name: "test-pass") { graph, options, _ in
            var products = 0
            return try graph.rebuilt(rules: RuleSet(options)) { node, operands, builder in
                guard let map = graph.operation(of: node) as? Map, map.function == .mul,
                    builder.rules.allows("test-wrong-product")
                else { return nil }
                builder.rules.count("test-wrong-product")
                products += 1
                return try builder.add(Map(products > first ? .add : .mul), operands)
            }
        }
    }

    private func bisection(_ adjust: @escaping @Sendable (inout CompilerOptions) -> Void) throws -> Bisection {
        var options = Verification.Options()
        options.model = folder.options()
        options.adjust = adjust
        return Bisection(try Verification(try kit(), options: options))
    }

    @Test func aRightCaseHasNoCulprit() throws {
        #expect(try bisection { _ in }.culprit() == .none)
    }

    @Test(arguments: [(0, "p"), (1, "y")]) func namesTheWrongRuleAndItsNode(first: Int, node: String) throws {
        let pass = wrongPass(from: first)
        let culprit = try bisection { $0.passes.insert(pass, at: 0) }.culprit()
        guard case .rewrite(let rewrite, let number, let count) = culprit else {
            Issue.record("\(culprit)")
            return
        }
        #expect(rewrite.name == "test-wrong-product" && rewrite.operation == "map" && rewrite.origins == [node])
        // The pass is the first step.
        #expect(number == first + 2 && count >= 3)
        #expect("\(culprit)".contains("'test-wrong-product' at map of '\(node)'"))
    }

    @Test func namesAPassThatHasNoRules() throws {
        let pass = Pass(name: "test-pass") { graph, _, _ in
            try Graph(text: graph.text.replacing("op = mul", with: "op = add"))
        }
        let culprit = try bisection { $0.passes.insert(pass, at: 0) }.culprit()
        guard case .rewrite(let rewrite, _, _) = culprit else {
            Issue.record("\(culprit)")
            return
        }
        #expect(rewrite.name == "test-pass")
    }

    @Test func withoutRewritesNoneIsToBlame() throws {
        // As an importer that takes products for sums would: nothing that can be limited does it.
        let pass = Pass(name: "test-pass", isRequired: true) { graph, _, _ in
            try Graph(text: graph.text.replacing("op = mul", with: "op = add"))
        }
        #expect(try bisection { $0.passes.insert(pass, at: 0) }.culprit() == .neither)
    }

    @Test func aPassThatBreaksTheGraphIsNamed() throws {
        let pass = Pass(name: "test-pass") { graph, _, _ in
            try Graph(text: graph.text.replacing(": f32[2] @ \"p\"", with: ": f32[3] @ \"p\""), verified: false)
        }
        let graph = try ModelFile(path: try kit().modelPath).graph()
        let problems = #expect(throws: Diagnostics.self) {
            try ModelCompiler(folder.settings).compile(graph, name: "x") {
                $0.verifiesPasses = true
                $0.passes.insert(pass, at: 0)
            }
        }
        #expect(problems?.all.first?.message.hasPrefix("pass 'test-pass': ") == true)
    }

    /// The kernels of the case, each value stored, by name.
    private func plainKernels() throws -> [String: VectorFunction] {
        let texts = Mutex<[String: String]>([:])
        let graph = try ModelFile(path: try kit().modelPath).graph()
        _ = try ModelCompiler(folder.settings).compile(graph, name: "plain") { options in
            options.fusionLimit = 0
            options.observer = StageObserver(stages: [.kernels]) { _, parts in
                texts.withLock { for part in parts { $0[part.name] = part.text } }
            }
        }
        return try texts.withLock { $0 }.mapValues { try VectorFunction(text: $0) }
    }

    @Test func namesTheFusionWithWhichItFails() throws {
        let kernels = try plainKernels()
        #expect(kernels.keys.sorted() == ["k0", "k1"])
        // From the second fusion on, the first kernel multiplies what it should add.
        let product = try #require(kernels["k1"])
        let culprit = try bisection { options in
            if options.fusionLimit ?? .max >= 2 { options.kernels = ["k0": product] }
        }.culprit()
        #expect(culprit == .fusion(node: "p", number: 2, count: 3))
        #expect("\(culprit)".contains("--fusion-limit 1"))
    }

    @Test func aKernelThatIsNotThereCannotBeReplaced() throws {
        let product = try #require(try plainKernels()["k1"])
        let graph = try ModelFile(path: try kit().modelPath).graph()
        let problem = #expect(throws: Diagnostic.self) {
            try ModelCompiler(folder.settings).compile(graph, name: "x") { $0.kernels = ["k9": product] }
        }
        #expect(problem?.code == "compile.kernel")
    }
}
