import Martlet
import MartletCore
import MartletEngine
import MartletIR
import MartletLibrary
import MartletONNX
import TestSupport
import Testing

/// What looks like a spelled-out function and is none stays as it is, and the reason is kept.
@Suite struct RaisingRefusalTests {
    /// A layer norm with something else at one place.
    private struct Altered {
        var exponent = 2.0
        var secondAxis = -1
        var epsilonIsInput = false
        var output: String?
        var reader: String?

        func graph() throws -> Graph {
            var model = SpelledModel(opset: 13)
            let x = model.input("x", [2, 4, 4])
            let (scale, bias) = (model.input("scale", [4]), model.input("bias", [4]))
            let mean = try model.mean(x, [-1])
            let centred = model.add("Sub", [x, mean])
            let square = model.add("Pow", [centred, try model.number(exponent)])
            let variance = try model.mean(square, [secondAxis])
            let epsilon = epsilonIsInput ? model.input("epsilon", []) : try model.number(1e-5)
            let root = model.add("Sqrt", [model.add("Add", [variance, epsilon])])
            let scaled = model.add("Mul", [model.add("Div", [centred, root]), scale])
            model.output(model.add("Add", [scaled, bias]))
            if let output { model.output(output) }
            if let reader { model.output(model.add("Neg", [reader])) }
            return try model.imported()
        }
    }

    private func expectRefused(
        _ altered: Altered, _ reason: String, calls: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let graph = try altered.graph()
        let result = try graph.raisingKeptCalls(to: KeptFunctions.all)
        // What is centred elsewhere may still be scaled by its mean square.
        #expect(!result.graph.keptCalls.contains("layer_normalization"), sourceLocation: sourceLocation)
        #expect(result.graph.keptCalls.count == calls, sourceLocation: sourceLocation)
        if calls == 0 { #expect(result.graph.text == graph.text, sourceLocation: sourceLocation) }
        let expected = "not raised to layer_normalization: \(reason)"
        #expect(
            result.refusals.contains { $0.hasSuffix(expected) }, "\(result.refusals)", sourceLocation: sourceLocation)
    }

    @Test func unalteredNormIsRaised() throws {
        let result = try Altered().graph().raisingKeptCalls(to: KeptFunctions.all)
        #expect(result.graph.keptCalls == ["layer_normalization"] && result.refusals.isEmpty)
    }

    @Test func otherExponent() throws {
        try expectRefused(Altered(exponent: 3), "'Pow4' is map pow, not map mul")
    }

    @Test func otherAxis() throws {
        try expectRefused(Altered(secondAxis: 1), "'ReduceMean5' is reshape [2, 1, 4], not reshape [2, 4, 1]")
    }

    @Test func epsilonThatIsNotConstant() throws {
        try expectRefused(Altered(epsilonIsInput: true), "'epsilon' is not a finite constant")
    }

    @Test(arguments: ["ReduceMean1", "Sub2"]) func innerValueThatIsAnOutput(name: String) throws {
        try expectRefused(Altered(output: name), "'\(name)' inside of it is an output", calls: 1)
    }

    @Test(arguments: ["Sub2", "Sqrt8"]) func innerValueWithAnotherReader(name: String) throws {
        try expectRefused(
            Altered(reader: name), "'\(name)' inside of it has other readers", calls: name == "Sub2" ? 1 : 0)
    }

    @Test func reasonsGoIntoTheEngine() throws {
        let folder = try TestFolder()
        var model = SpelledModel(opset: 13)
        let x = model.input("x", [2, 8])
        let shifted = model.add("Sub", [x, model.add("ReduceMax", [x], [AttributeProto("axes", .ints([1]))])])
        let powers = model.add("Exp", [shifted])
        model.output(model.add("Div", [powers, model.add("ReduceSum", [powers, try model.integers([1])])]))
        model.output(powers)
        let engine = try ModelCompiler(folder.settings).compile(try model.imported(), name: "test")
        #expect(engine.reasons.contains { $0.hasSuffix("not raised to softmax: 'Exp3' inside of it is an output") })
    }

    /// Where a part of a form is a form itself, and the rest is none, the part is raised.
    @Test func partOfAFormIsRaised() throws {
        var model = SpelledModel(opset: 13)
        let (x, scale) = (model.input("x", [2, 4, 4]), model.input("scale", [4, 4]))
        let mean = try model.mean(x, [-1])
        let centred = model.add("Sub", [x, mean])
        let variance = try model.mean(model.add("Mul", [centred, centred]), [-1])
        let root = model.add("Sqrt", [model.add("Add", [variance, try model.number(1e-5)])])
        model.output(model.add("Mul", [model.add("Div", [centred, root]), scale]))
        let graph = try model.imported().raisingKeptCalls(to: KeptFunctions.all).graph
        #expect(graph.keptCalls == ["layer_normalization"])
        #expect(graph.text.contains("scale = false"))
    }
}
