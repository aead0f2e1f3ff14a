import Foundation
import MartletCompiler
import MartletCore
import MartletIR
import MartletONNX
import TestSupport
import Testing

@Suite("Export: trained networks") struct ExportNetworkTests {
    static let networks = ["real/magika", "real/silero-vad-16k-op15", "onnx/resnet50", "onnx/minilm_l6"]

    /// The prepared network, or nil where there is none.
    private func network(_ name: String) throws -> CaseFolder? {
        Prepared.hasModel(name) ? try CaseFolder(path: "\(Prepared.folder)/\(name)") : nil
    }

    private func options(_ imported: ImportedModel) -> ExportOptions {
        var options = ExportOptions(opset: imported.opsets[""] ?? 18)
        options.irVersion = imported.irVersion
        options.domains = imported.opsets
        options.metadata = imported.metadata
        return options
    }

    @Test(.enabled(if: Prepared.has("real"), "no networks prepared"), arguments: networks)
    func comesBackAsTheSameText(_ name: String) throws {
        guard let network = try network(name) else { return }
        let imported = try ONNXImporter.import(path: network.modelPath)
        let model = try ONNXExporter.export(imported.graph, options: options(imported))
        let again = try ONNXImporter.import(try ONNXModel.load(bytes: model.encoded()))
        expectSameLines(again.graph.text, imported.graph.text)
        #expect(again.opsets == imported.opsets)
        #expect(again.irVersion == imported.irVersion)
        #expect(again.metadata.map(\.key) == imported.metadata.map(\.key))
        #expect(again.metadata.map(\.value) == imported.metadata.map(\.value))
        // Writing the same graph again gives the same bytes.
        #expect(try ONNXExporter.export(imported.graph, options: options(imported)).encoded() == model.encoded())
        let rebuilt = try imported.graph.rebuilt { _, _, _ in nil }
        let rewritten = try ONNXExporter.export(rebuilt, options: options(imported))
        let third = try ONNXImporter.import(try ONNXModel.load(bytes: rewritten.encoded()))
        expectSameLines(third.graph.text, rebuilt.text)
    }

    /// The graph as the compiler's passes leave it.
    private func canonical(_ graph: Graph) throws -> Graph {
        let options = CompilerOptions(target: try CodegenTarget(named: "x86-64-v3"))
        return try Compiler(options, generator: CodeGenerator()).canonical(graph)
    }

    @Test(.enabled(if: Prepared.has("real"), "no networks prepared"), arguments: networks)
    func theCanonicalFormComesBackAsTheSameText(_ name: String) throws {
        guard let network = try network(name) else { return }
        let imported = try ONNXImporter.import(path: network.modelPath)
        let graph = try canonical(imported.graph)
        let model = try ONNXExporter.export(graph, options: options(imported))
        let again = try ONNXImporter.import(try ONNXModel.load(bytes: model.encoded())).graph
        expectSameLines(try canonical(again).text, graph.text)
    }

    /// Reports the first line that differs; whole texts would fill the log.
    private func expectSameLines(_ got: String, _ wanted: String) {
        let (left, right) = (got.split(separator: "\n"), wanted.split(separator: "\n"))
        let different = zip(left, right).first { $0 != $1 }
        #expect(different == nil && left.count == right.count, "got \(different?.0 ?? ""), not \(different?.1 ?? "")")
    }

    @Test(.onnxRuntime) func givesTheRecordedOutputs() throws {
        var judge = try ExportJudge()
        for name in Self.networks {
            guard let network = try network(name) else { continue }
            let imported = try ONNXImporter.import(path: network.modelPath)
            try judge.add(try ONNXExporter.export(imported.graph, options: options(imported)), like: network)
        }
        let problems = try judge.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }

    @Test(.onnxRuntime) func theCanonicalFormGivesTheRecordedOutputs() throws {
        var judge = try ExportJudge()
        for name in Self.networks {
            guard let network = try network(name) else { continue }
            let imported = try ONNXImporter.import(path: network.modelPath)
            let graph = try canonical(imported.graph)
            try judge.add(try ONNXExporter.export(graph, options: options(imported)), like: network)
        }
        let problems = try judge.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }

    /// In other operator sets than the model's own.
    @Test(.onnxRuntime, arguments: [13, 16, 19, 21, 23, 24]) func otherOperatorSets(_ opset: Int) throws {
        guard let network = try network("real/silero-vad-16k-op15") else { return }
        let imported = try ONNXImporter.import(path: network.modelPath)
        var judge = try ExportJudge()
        try judge.add(try ONNXExporter.export(imported.graph, opset: opset), like: network)
        let problems = try judge.problems()
        #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
    }
}

@Suite("Export: what a model says of itself") struct ExportModelTests {
    private func graph() throws -> Graph {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n", lower: 2, upper: 9))
        let m = IntExpr(recorder.symbol("m"))
        let x = recorder.input("x", TensorType(.float32, [n, m]))
        try recorder.require(m, equals: n * 2, "columns")
        let weights = Tensor(try HostTensor.fromDoubles(Array(repeating: 0.5, count: 600), as: .float32, shape: [600]))
        recorder.origin = ["layer", "scale"]
        let scaled = try recorder.record {
            try x.mapped(.mul, Tensor(2, as: .float32)).mapped(.add, Tensor(1, as: .float32))
        }
        recorder.origin = ["sum"]
        let sum = try recorder.record { try weights.reduced(.sum, axes: [0]).mapped(.add, scaled) }
        return try recorder.finish([(name: "y", tensor: sum), (name: "z", tensor: scaled), (name: "same", tensor: x)])
    }

    @Test func namesAndNotes() throws {
        var options = ExportOptions(opset: 17, name: "test")
        options.metadata = [(key: "author", value: "me")]
        options.domains = ["": 17, "ai.onnx.ml": 3]
        let model = try ONNXExporter.export(try graph(), options: options)
        #expect(model.irVersion == 8)
        #expect(model.opsetImports.map(\.domain) == ["", "ai.onnx.ml"])
        #expect(model.metadata == [StringStringEntryProto(key: "author", value: "me")])
        let proto = try #require(model.graph)
        #expect(proto.name == "test")
        #expect(proto.inputs.map(\.name) == ["x"])
        #expect(proto.outputs.map(\.name) == ["y", "z", "same"])
        #expect(proto.outputs[0].type == proto.inputs[0].type)
        #expect(Set(proto.nodes.map(\.name)).count == proto.nodes.count)
        #expect(proto.nodes.first?.name == "scale")
        let imported = try ONNXImporter.import(ONNXModel(model)).graph
        #expect(imported.text == (try graph().text))
    }

    @Test func unknownOperatorSets() throws {
        let graph = try graph()
        #expect(errorCode { _ = try ONNXExporter.export(graph, opset: 12) } == "export.opset")
        let sample = ExportSample("bits", [try .ramp(.int32, [3])]) { x, _ in [try x[0].mapped(.and, x[0] + 1)] }
        let bits = try sample.graph()
        #expect(errorCode { _ = try ONNXExporter.export(bits, opset: 17) } == "export.unsupported")
        #expect(errorCode { _ = try ONNXExporter.export(bits, opset: 18) } == nil)
    }

    @Test func weightsBesideTheModel() throws {
        let folder = try TestFolder()
        let weights = try HostTensor.fromDoubles((0..<600).map(Double.init), as: .float32, shape: [600])
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [600]))
        let graph = try recorder.finish([(name: "y", tensor: recorder.record { x + Tensor(weights) })])
        let model = ONNXModel(try ONNXExporter.export(graph, opset: 21))
        try model.write(to: "\(folder.path)/model.onnx", externalDataAbove: 1024)
        #expect(folder.names.contains("model.onnx.data"))
        let again = try ONNXImporter.import(path: "\(folder.path)/model.onnx").graph
        #expect(try Interpreter(again).run([weights])[0].isIdentical(to: Interpreter(graph).run([weights])[0]))
    }
}
