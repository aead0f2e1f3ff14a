import ArgumentParser
import Martlet
import MartletCore
import MartletEngine
import MartletIR
import MartletONNX

/// `martlet inspect`: what a model or an engine is.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a model or an engine is.",
        discussion: """
            Without an option: inputs, outputs, operators, parameters. --steps and --why compile what is no engine yet.

            Examples:
              martlet inspect model.onnx
              martlet inspect model.onnx --graph
              martlet inspect model.martlet --steps
            """)

    @Argument(help: "The model or engine.")
    var file: String

    @Flag(help: "Print the graph of primitive operations; 'compile' and 'run' read it back.")
    var graph = false

    @Flag(help: "Print the steps of the engine.")
    var steps = false

    @Flag(help: "Print what the compiler did not do, and why.")
    var why = false

    @Flag(help: "Check every byte of an engine against its checksums.")
    var check = false

    @Flag(help: "Print as JSON.")
    var json = false

    func run() throws {
        let model = try ModelFile(path: file)
        if check { try checkSections(model) }
        if graph { try printGraph(model) }
        if steps || why { try printEngine(try engine(model)) }
        if !(check || graph || steps || why) { try describe(model) }
    }

    private func engine(_ model: ModelFile) throws -> Engine {
        if case .engine(let reader) = model { return try reader.engine() }
        return try Model.load(file).engine.engine
    }

    private func checkSections(_ model: ModelFile) throws {
        guard case .engine(let reader) = model else {
            throw Diagnostic("inspect.no-engine", "only engines have checksums", help: "use 'martlet lint' for a model")
        }
        try reader.check()
        _ = try reader.engine()
        Console.print(json ? "{\"check\":\"ok\"}" : "\(file): every section is as it was written")
    }

    private func printGraph(_ model: ModelFile) throws {
        let text: String
        if case .engine(let reader) = model {
            text = try reader.engine().sourceGraph
        } else {
            text = try model.graph().text
        }
        Console.print(json ? (["graph": .string(text)] as JSONValue).text(indent: 2) : text)
    }

    private func printEngine(_ engine: Engine) throws {
        if json {
            var object = JSONObject()
            if steps { object["steps"] = EngineText.json(engine) }
            if steps, !engine.specialisations.isEmpty {
                object["variants"] = EngineText.variants(engine, withSteps: true)
            }
            if why { object["reasons"] = .array(engine.reasons.map { .string($0) }) }
            return Console.print(JSONValue.object(object).text(indent: 2))
        }
        if steps { Console.write(EngineText.allSteps(of: engine), to: 1) }
        guard why else { return }
        Console.print(engine.reasons.isEmpty ? "nothing was left undone" : engine.reasons.joined(separator: "\n"))
    }

    private func describe(_ model: ModelFile) throws {
        switch model {
        case .onnx(let onnx):
            let summary = ModelSummary(onnx)
            Console.print(json ? summary.json.text(indent: 2) : summary.text)
        case .graph(let graph):
            if json { return Console.print(PortText.json(graph.inputPorts, graph.outputPorts).text(indent: 2)) }
            let ports = graph.inputPorts.map { "input \($0)" } + graph.outputPorts.map { "output \($0)" }
            Console.print((ports + ["nodes: \(graph.nodes.count)"]).joined(separator: "\n"))
        case .engine(let reader):
            let engine = try? reader.engine()
            if json, let engine {
                var object = JSONObject()
                object["inputs"] = PortText.json(engine.inputPorts)
                object["outputs"] = PortText.json(engine.outputPorts)
                object["variants"] = EngineText.variants(engine)
                return Console.print(JSONValue.object(object).text(indent: 2))
            }
            Console.print(engine?.describe() ?? reader.describe())
        }
    }
}

/// Inputs and outputs as JSON.
enum PortText {
    static func json(_ inputs: [ModelPort], _ outputs: [ModelPort]) -> JSONValue {
        ["inputs": json(inputs), "outputs": json(outputs)]
    }

    static func json(_ ports: [ModelPort]) -> JSONValue { .array(ports.map(json)) }

    private static func json(_ port: ModelPort) -> JSONValue {
        let shape = port.shape.map { extent -> JSONValue in extent.size.map { .integer($0) } ?? .string(extent.text) }
        return ["name": .string(port.name), "type": .string(port.type.name), "shape": .array(shape)]
    }
}
