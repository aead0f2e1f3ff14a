import ArgumentParser
import Martlet
import MartletCompiler
import MartletCore
import MartletIR
import MartletLibrary
import MartletONNX

/// `martlet convert`: writes a model as ONNX.
struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model as ONNX, in the operator set that is wanted.",
        discussion: """
            The model is imported and written anew from its graph: sizes, branches and constants that are known are gone,
            and functions that were spelled out, such as layer normalisation, are operators where the set has them.

            Examples:
              martlet convert model.onnx model-17.onnx --opset 17
              martlet convert model.onnx fixed.onnx --shapes image=1x3x224x224
              martlet convert model.onnx plain.onnx --stage canonical
            """)

    @Argument(help: ArgumentHelp("The model, or the text of a graph.", valueName: "in"))
    var input: String

    @Argument(help: ArgumentHelp("The ONNX file to write.", valueName: "out"))
    var output: String

    @Option(help: "The version of ai.onnx, \(Self.versions) (default: the model's own, as far as it can be written).")
    var opset: Int?

    @Option(
        name: .customLong("shapes"),
        help: ArgumentHelp("Fix the shape of an input, such as 'image=1x3x224x224'.", valueName: "name=shape"))
    var shapes: [NamedShape] = []

    @Option(help: "Write the graph as this stage of the compiler leaves it: 'import' or 'canonical'.")
    var stage = CompilerStage.imported

    @Flag(help: "Print the result as JSON.")
    var json = false

    private static let versions = "\(ONNXExporter.opsets.lowerBound) to \(ONNXExporter.opsets.upperBound)"

    func validate() throws {
        guard stage == .imported || stage == .canonical else {
            throw ValidationError("--stage must be 'import' or 'canonical': later stages have no graph.")
        }
    }

    func run() throws {
        let file = try ModelFile(path: input)
        let source = try file.graph(shapes: Dictionary(shapes.map { ($0.name, $0.shape) }) { $1 })
        let graph =
            stage == .canonical
            ? try ModelCompiler(try Settings.current).canonical(source)
            : try source.raisingKeptCalls(to: KeptFunctions.all).graph
        var options = ExportOptions(opset: opset ?? Self.opset(of: file), name: ModelLoader.name(of: input))
        options.producer = ("Martlet", MartletVersion.text)
        if case .onnx(let model) = file {
            options.docString = model.proto.docString
            options.metadata = model.proto.metadata.map { (key: $0.key, value: $0.value) }
        }
        let model = try ONNXExporter.export(graph, options: options)
        try ONNXModel(model).write(to: output)
        report(nodes: model.graph?.nodes.count ?? 0, opset: options.opset)
    }

    private func report(nodes: Int, opset: Int) {
        guard json else { return Console.print("\(output): \(Text.count(nodes, "node")), operator set \(opset)") }
        let facts: JSONValue = ["file": .string(output), "nodes": .integer(nodes), "opset": .integer(opset)]
        Console.print(facts.text(indent: 2))
    }

    /// The version that a model uses, or the nearest that can be written.
    private static func opset(of file: ModelFile) -> Int {
        guard case .onnx(let model) = file,
            let own = model.proto.opsetImports.first(where: { $0.domain.isEmpty || $0.domain == "ai.onnx" })
        else { return ONNXExporter.opsets.upperBound }
        return min(max(Int(clamping: own.version), ONNXExporter.opsets.lowerBound), ONNXExporter.opsets.upperBound)
    }
}
