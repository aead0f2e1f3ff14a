import ArgumentParser
import Martlet
import MartletCore

/// `martlet run`: one inference.
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a model once.",
        discussion: """
            Prints what the outputs are and writes them to DIR as NAME.npy.

            Examples:
              martlet run model.onnx --input image=image.npy --output out
              martlet run model.martlet --random --seed 7 --threads 2
              martlet run model.onnx --inputs case/test_data_set_0 --engine reference
            """)

    @Argument(help: "The model or engine.")
    var file: String

    @OptionGroup var inputs: InputArguments
    @OptionGroup var model: ModelArguments

    @Option(help: ArgumentHelp("The folder for the outputs.", valueName: "dir"))
    var output: String?

    @Option(help: "What runs it: 'reference' (node by node, slow) or 'compiled'.")
    var engine = VerifiedEngine.compiled

    @Flag(help: "Make the inputs that are not given at random.")
    var random = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        let results: [(name: String, tensor: HostTensor)]
        switch engine {
        case .reference:
            let graph = try ModelFile(path: file).graph(shapes: model.shapesByName)
            let tensors = try tensors(graph.inputPorts)
            results = try ordered(try ReferenceRunner(graph).run(tensors), graph.outputPorts)
        case .compiled:
            let loaded = try Model.load(file, options: try model.options())
            let tensors = try tensors(loaded.inputs)
            results = try ordered(try loaded.run(tensors, cancellation: Interruption.cancellation), loaded.outputs)
        }
        try report(results)
    }

    private func tensors(_ ports: [ModelPort]) throws -> [String: HostTensor] {
        try inputs.tensors(for: ports, shapes: model.shapesByName, fills: random)
    }

    private func ordered(
        _ outputs: [String: HostTensor], _ ports: [ModelPort]
    ) throws -> [(name: String, tensor: HostTensor)] {
        ports.compactMap { port in outputs[port.name].map { (port.name, $0) } }
    }

    private func report(_ results: [(name: String, tensor: HostTensor)]) throws {
        var rows: [JSONValue] = []
        if let output { try Folder.make(output) }
        for (name, tensor) in results {
            let path = try output.map { try Files.write(tensor, named: name, in: $0) }
            var row: JSONObject = [
                "name": .string(name), "type": .string(tensor.type.name),
                "shape": .array(tensor.shape.map { .integer($0) }),
            ]
            if let path { row["file"] = .string(path) }
            rows.append(.object(row))
            if !json {
                Console.print("\(name): \(tensor) \(Self.summary(tensor))" + (path.map { " -> \($0)" } ?? ""))
            }
        }
        if json { Console.print((["outputs": .array(rows)] as JSONValue).text(indent: 2)) }
    }

    /// The first elements.
    private static func summary(_ tensor: HostTensor) -> String {
        let shown = 4
        let words: [String]
        if tensor.type == .string {
            words = tensor.strings.prefix(shown).map { "\"\($0)\"" }
        } else if tensor.type.isFloatingPoint {
            words = ((try? tensor.doubles()) ?? []).prefix(shown).map { "\(Float($0))" }
        } else {
            words = ((try? tensor.ints()) ?? []).prefix(shown).map(String.init)
        }
        return "[" + words.joined(separator: ", ") + (tensor.count > shown ? ", …]" : "]")
    }
}
