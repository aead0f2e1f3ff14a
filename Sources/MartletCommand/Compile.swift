import ArgumentParser
import Martlet
import MartletCompiler
import MartletCore
import MartletEngine
import MartletRuntime

/// `martlet compile`: makes an engine file.
struct Compile: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compile a model to an engine file.",
        discussion: """
            The engine runs on every machine that has the features of its target; the default target is this machine.

            What --dump wrote can be edited and compiled: --dump canonical=d writes d/graph.canonical.txt and its constants
            beside it. For 'kernels', --start-from takes the folder or one file: kernels of these names are replaced.

            A compilation that fails leaves its graph, its options and the command that repeats it in a folder.

            Examples:
              martlet compile model.onnx -o model.martlet
              martlet compile model.onnx -o model.martlet --target x86-64-v3 --shapes image=1x3x224x224
              martlet compile model.onnx --stop-after llvm --dump fused=dumps --dump llvm=dumps
              martlet compile model.onnx -o model.martlet --start-from canonical=dumps/graph.canonical.txt
            """)

    @Argument(help: "The model, or the text of a graph.")
    var file: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The engine file to write.", valueName: "out"))
    var output: String?

    @Option(
        help: ArgumentHelp("Compile for this shape of an input, such as 'image=1x3x224x224'.", valueName: "name=shape"))
    var shapes: [NamedShape] = []

    @OptionGroup var options: CompileArguments

    @Flag(help: "Print how long each stage and pass took and the most memory it held.")
    var passes = false

    @Flag(help: "Print the result as JSON; it has the stages' times and memory.")
    var json = false

    func validate() throws {
        if output == nil && options.stopAfter == nil { throw ValidationError("Say where the engine goes: -o OUT.") }
    }

    func run() throws {
        let started = ContinuousClock.now
        let name = ModelLoader.name(of: file)
        let log = CompilationLog(measuresMemory: passes || json) { phase, done, count in
            let kernels = count > 0 ? ", \(done) of \(Text.count(count, "kernel"))" : ""
            ProgressLine.show("\(name): \(phase)\(kernels)")
        }
        let engine: Engine
        do {
            engine = try compile(log)
        } catch let problem as Diagnostic where problem.code == "compile.stopped" {
            ProgressLine.clear()
            return report(log)
        }
        try options.write([("steps", EngineText.steps(of: engine))], of: .placed)
        ProgressLine.clear()
        guard let output else { return report(log) }
        try engine.write(to: output)
        report(engine, output, (ContinuousClock.now - started).inSeconds, log)
    }

    private func compile(_ log: CompilationLog) throws -> Engine {
        let compiler = try ModelCompiler(try options.settings())
        let rules = options.rules
        let (graph, stage) = try log.measure(CompilerStage.imported.rawValue) { try source(rules) }
        let kernels = try options.kernels()
        let rewritesLeft = rules.limit.map { max($0 - (rules.log?.count ?? 0), 0) }
        do {
            let hash = try ModelFile.hash(path: file)
            return try compiler.compile(graph, name: ModelLoader.name(of: file), hash: hash, from: stage) {
                options.set(&$0, rules, log)
                $0.kernels = kernels
            }
        } catch let problem as Diagnostic where problem.code != "compile.stopped" {
            throw Reproducer(graph, stage, options, rewriteLimit: rewritesLeft)
                .explaining(problem, target: compiler.target.name)
        } catch let problems as Diagnostics {
            let last = problems.all.suffix(1).map {
                Reproducer(graph, stage, options, rewriteLimit: rewritesLeft)
                    .explaining($0, target: compiler.target.name)
            }
            throw Diagnostics(problems.all.dropLast() + last)
        }
    }

    /// The graph to compile, and which stage made it.
    private func source(_ rules: RuleSet.Options) throws -> (Graph, CompilerStage) {
        if let start = options.startFrom, start.stage != .kernels {
            return (try ModelFile(path: start.path).graph(), start.stage)
        }
        let shapes = Dictionary(shapes.map { ($0.name, $0.shape) }) { $1 }
        return (try ModelFile(path: file).graph(shapes: shapes, rules: rules), .imported)
    }

    // MARK: Reporting

    private func report(_ engine: Engine, _ path: String, _ seconds: Double, _ log: CompilationLog) {
        if json {
            let facts: JSONValue = [
                "file": .string(path), "target": .string(engine.header.target), "steps": .integer(engine.stepCount),
                "kernels": .integer(engine.kernels.count), "code": .integer(engine.code.count),
                "weights": .integer(engine.weights.count), "seconds": .number(seconds), "stages": phases(log),
            ]
            return Console.print(facts.text(indent: 2))
        }
        report(log)
        Console.print(
            "\(path): \(Text.count(engine.stepCount, "step")), \(Text.count(engine.kernels.count, "kernel")), "
                + "\(Text.bytes(engine.code.count)) code, \(Text.bytes(engine.weights.count)) weights, for "
                + "\(engine.header.target), in \(Text.fixed(seconds, 2)) s")
    }

    /// The stages, where they are asked for.
    private func report(_ log: CompilationLog) {
        if json { return Console.print((["stages": phases(log)] as JSONValue).text(indent: 2)) }
        guard passes else { return }
        let rows = log.phases.map { phase in
            [phase.name, Text.fixed(phase.seconds * 1000, 1), phase.peakBytes.map(Text.bytes) ?? ""]
        }
        Console.print(Text.table([["stage", "ms", "peak memory"]] + rows, right: [1, 2]))
    }

    private func phases(_ log: CompilationLog) -> JSONValue {
        .array(
            log.phases.map { phase in
                [
                    "name": .string(phase.name), "milliseconds": .number(phase.seconds * 1000),
                    "peakBytes": phase.peakBytes.map { .integer($0) } ?? .null,
                ]
            })
    }
}
