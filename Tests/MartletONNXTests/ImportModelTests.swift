import MartletCore
import MartletIR
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Import: models")
struct ImportModelTests {
    private func chain() -> TestModel {
        var model = TestModel()
        model.input("x", .float32, ["n", 4])
        model.node("Relu", ["x"], ["a"])
        model.node("Exp", ["a"], ["y"], name: "last")
        model.outputs("y")
        return model
    }

    @Test func importsAndRuns() throws {
        let imported = try chain().imported()
        #expect(imported.outputTypes == ["f32[n, 4]"])
        #expect(imported.opsets[""] == 17)
        #expect(imported.graph.origins.contains(["Relu_0"]) && imported.graph.origins.contains(["last"]))
        let result = try chain().run(([-1, 0, 0, 0], [1, 4]))
        #expect(try result[0].array(of: Float.self) == [1, 1, 1, 1])
    }

    @Test func sizesAreSharedByNameAndFixedByOptions() throws {
        var model = TestModel()
        model.input("a", .float32, ["n", -1])
        model.input("b", .float32, ["n", 3])
        model.node("Identity", ["a"], ["y"])
        model.node("Identity", ["b"], ["z"])
        model.outputs("y", "z")
        #expect(try model.imported().outputTypes == ["f32[n, a_1]", "f32[n, 3]"])
        #expect(try model.imported(ImportOptions(shapes: ["a": [2, 5]])).outputTypes == ["f32[2, 5]", "f32[2, 3]"])
        #expect(try model.imported(ImportOptions(shapes: ["b": [2, -1]])).outputTypes == ["f32[2, a_1]", "f32[2, 3]"])
        #expect(errorCode { _ = try model.imported(ImportOptions(shapes: ["b": [2, 4]])) } == "onnx.shape-option")
        #expect(errorCode { _ = try model.imported(ImportOptions(shapes: ["b": [2]])) } == "onnx.shape-option")
    }

    @Test func problemsNameTheNode() throws {
        var model = chain()
        model.node("Nonsense", ["y"], ["z"])
        model.outputs("z")
        do {
            _ = try model.imported()
            Issue.record("an unknown operator was imported")
        } catch let diagnostic as Diagnostic {
            #expect(diagnostic.code == "onnx.unknown-operator")
            #expect(diagnostic.place == .node(name: "Nonsense_2", operator: "Nonsense", file: nil))
        }
    }

    @Test(arguments: [
        ("onnx.node-order", ["Exp:a:b", "Relu:x:a"]),
        ("onnx.undefined-value", ["Exp:q:b"]),
        ("onnx.duplicate-value", ["Exp:x:b", "Exp:x:b"]),
        ("onnx.input", ["Add:x:b"]),
        ("onnx.output", ["Exp:x:b c"]),
        ("onnx.version", ["LayerNormalization:x x x:b"]),
        ("onnx.attribute", ["Concat:x x:b"]),
    ])
    func malformedGraphsAreRefused(_ expected: String, _ nodes: [String]) throws {
        var model = TestModel(opset: 13)
        model.input("x", .float32, [2])
        for node in nodes {
            let parts = node.split(separator: ":").map { $0.split(separator: " ").map(String.init) }
            model.node(parts[0][0], parts[1], parts[2])
        }
        model.outputs("b")
        #expect(errorCode { _ = try model.imported() } == expected)
    }

    @Test func lintFindsAllProblems() throws {
        var model = TestModel()
        model.input("x", .float32, [2])
        model.node("Nonsense", ["x"], ["a"])
        model.node("Exp", ["a"], ["b"])
        model.node("Folly", ["b"], ["c"])
        model.node("Transpose", ["x"], ["d"], [AttributeProto("perm", .ints([0, 1]))])
        model.outputs("c")
        let codes = ONNXImporter.lint(model.model).map(\.code)
        #expect(codes == ["onnx.unknown-operator", "onnx.unknown-operator", "onnx.axis"])
        #expect(ONNXImporter.lint(chain().model).isEmpty)
    }

    @Test func functionsAreInlined() throws {
        var function = FunctionProto()
        (function.name, function.domain) = ("Scaled", "local")
        (function.inputs, function.outputs) = (["a", "b"], ["r"])
        function.attributes = ["axis"]
        function.opsetImports = [.init(domain: "", version: 17)]
        var axis = AttributeProto()
        (axis.name, axis.refAttrName, axis.kind) = ("axis", "axis", .int)
        function.nodes = [
            NodeProto("Mul", inputs: ["a", "a"], outputs: ["m"]),
            NodeProto("Concat", inputs: ["m", "a"], outputs: ["r"], attributes: [axis]),
        ]
        var model = TestModel()
        model.functions = [function]
        model.input("x", .float32, [1, 2])
        model.node("Scaled", ["x", ""], ["y"], name: "call", domain: "local", [AttributeProto("axis", .int(1))])
        model.outputs("y")
        #expect(try model.run(([2, 3], [1, 2]))[0].array(of: Float.self) == [4, 9, 2, 3])
        #expect(try model.imported().graph.origins.contains(["call", "call/Mul_0"]))
    }

    @Test func endlessFunctionsAreRefused() throws {
        var function = FunctionProto()
        (function.name, function.domain) = ("Self", "local")
        (function.inputs, function.outputs) = (["a"], ["r"])
        function.nodes = [NodeProto("Self", domain: "local", inputs: ["a"], outputs: ["r"])]
        var model = TestModel()
        model.functions = [function]
        model.input("x", .float32, [1])
        model.node("Self", ["x"], ["y"], domain: "local")
        model.outputs("y")
        #expect(errorCode { _ = try model.imported() } == "onnx.recursion")
    }

    @Test func chainsOfSizesDissolve() throws {
        var model = TestModel()
        model.input("x", .float32, ["n", "m", 6])
        try model.constant("first", [0], shape: [])
        try model.constant("axis", [0])
        try model.constant("rest", [-1, 3])
        model.node("Shape", ["x"], ["s"])
        model.node("Gather", ["s", "first"], ["n"])
        model.node("Unsqueeze", ["n", "axis"], ["v"])
        model.node("Concat", ["v", "rest"], ["shape"], [AttributeProto("axis", .int(0))])
        model.node("Reshape", ["x", "shape"], ["y"])
        model.outputs("y")
        let imported = try model.imported()
        let graph = imported.graph
        #expect(imported.outputTypes == ["f32[n, m*2, 3]"])
        #expect(graph.nodes.count == 1)
    }

    @Test func aRangeOfSizesIsLearned() throws {
        var model = TestModel()
        model.input("x", .float32, ["n"])
        try model.constant("start", [0])
        graphConstant(&model)
        model.node("Shape", ["x"], ["end"])
        model.node("Slice", ["table", "start", "end"], ["part"])
        model.node("Add", ["x", "part"], ["y"])
        model.outputs("y")
        let imported = try model.imported()
        #expect(imported.outputTypes == ["f32[n]"])
        #expect(imported.graph.symbols.entries[0].upper == 8)
        #expect(imported.notes.map(\.code) == ["onnx.size-range"])
    }

    private func graphConstant(_ model: inout TestModel) {
        let values = (0..<8).map { Float($0) }
        guard let tensor = try? HostTensor(values, shape: [8]) else { return }
        model.graph.initializers.append(TensorProto(tensor, name: "table"))
    }
}
