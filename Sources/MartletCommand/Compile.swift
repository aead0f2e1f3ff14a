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

            An engine takes every size that the model takes. Each --shapes adds a variant for exactly those shapes, which
            runs where it fits; --no-general leaves the variant for all other sizes out. Weights are stored once.

            What --dump wrote can be edited and compiled: --dump canonical=d writes d/graph.canonical.txt and its constants
            beside it. For 'kernels', --start-from takes the folder or one file: kernels of these names are replaced.

            A compilation that fails leaves its graph, its options and the command that repeats it in a folder.

            Examples:
              martlet compile model.onnx -o model.martlet
              martlet compile model.onnx -o model.martlet --target x86-64-v3 --shapes image=1x3x224x224
              martlet compile model.onnx -o model.martlet --shapes ids=1x128,mask=1x128 --shapes ids=8x128,mask=8x128
              martlet compile model.onnx --stop-after llvm --dump fused=dumps --dump llvm=dumps
              martlet compile model.onnx -o model.martlet --start-from canonical=dumps/graph.canonical.txt
            """)

    @Argument(help: "The model, or the text of a graph.")
    var file: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The engine file to write.", valueName: "out"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Add a variant for these shapes of inputs, such as 'image=1x3x224x224'.", valueName: "name=shape,…"))
    var shapes: [ShapeGroup] = []

    @Flag(inversion: .prefixedNo, help: "Make the variant that takes all sizes, too.")
    var general = true

    @Option(
        help: ArgumentHelp(
            "Let sessions keep a state: an input, and the output that becomes it, such as 'past=present'.",
            valueName: "input=output"))
    var state: [NamedState] = []

    @OptionGroup var options: CompileArguments

    @Flag(help: "Print how long each stage and pass took and the most memory it held.")
    var passes = false

    @Flag(help: "Print the result as JSON; it has the stages' times and memory.")
    var json = false

    func validate() throws {
        if output == nil && options.stopAfter == nil { throw ValidationError("Say where the engine goes: -o OUT.") }
        if !general && shapes.isEmpty { throw ValidationError("--no-general needs --shapes.") }
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
        try options.write([("steps", EngineText.allSteps(of: engine))], of: .placed)
        ProgressLine.clear()
        guard let output else { return report(log) }
        try engine.write(to: output)
        report(engine, output, (ContinuousClock.now - started).inSeconds, log)
    }

    private func compile(_ log: CompilationLog) throws -> Engine {
        let compiler = try ModelCompiler(try options.settings())
        let rules = options.rules
        let (graph, specialisations, stage) = try log.measure(CompilerStage.imported.rawValue) { try source(rules) }
        let kernels = try options.kernels()
        let rewritesLeft = rules.limit.map { max($0 - (rules.log?.count ?? 0), 0) }
        do {
            let hash = try ModelFile.hash(path: file)
            return try compiler.compile(
                graph, specialisations: specialisations, name: ModelLoader.name(of: file), hash: hash, from: stage
            ) {
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

    /// The graph to compile, which stage made it, and the same model for narrower sizes.
    private func source(_ rules: RuleSet.Options) throws -> (Graph, [Graph], CompilerStage) {
        if let start = options.startFrom, start.stage != .kernels {
            return (try ModelFile(path: start.path).graph(), [], start.stage)
        }
        let model = try ModelFile(path: file)
        let states = Dictionary(state.map { ($0.input, $0.output) }) { $1 }
        var graphs = try shapes.map { try model.graph(shapes: $0.shapes, states: states, rules: rules) }
        // Tried last: what takes all sizes, or the last of the shapes.
        let last = general ? try model.graph(states: states, rules: rules) : graphs.removeLast()
        return (last, graphs, .imported)
    }

    // MARK: Reporting

    private func report(_ engine: Engine, _ path: String, _ seconds: Double, _ log: CompilationLog) {
        let variants = engine.variants
        let steps = variants.reduce(0) { $0 + $1.stepCount }
        let kernels = variants.reduce(0) { $0 + $1.kernels.count }
        let code = variants.reduce(0) { $0 + $1.code.count }
        if json {
            let facts: JSONValue = [
                "file": .string(path), "target": .string(engine.header.target), "variants": .integer(variants.count),
                "steps": .integer(steps), "kernels": .integer(kernels), "code": .integer(code),
                "weights": .integer(engine.weights.count), "seconds": .number(seconds), "stages": phases(log),
            ]
            return Console.print(facts.text(indent: 2))
        }
        report(log)
        let count = variants.count > 1 ? "\(Text.count(variants.count, "variant")), " : ""
        Console.print(
            "\(path): \(count)\(Text.count(steps, "step")), \(Text.count(kernels, "kernel")), "
                + "\(Text.bytes(code)) code, \(Text.bytes(engine.weights.count)) weights, for "
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
