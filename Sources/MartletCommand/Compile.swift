public import ArgumentParser
import Martlet
public import MartletCompiler
import MartletCore
import MartletEngine
import MartletRuntime

/// `martlet compile`: makes an engine file.
struct Compile: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compile a model to an engine file.",
        discussion: """
            The engine runs on every machine that has the features of its target; the default target is this machine.

            Examples:
              martlet compile model.onnx -o model.martlet
              martlet compile model.onnx -o model.martlet --target x86-64-v3 --shapes image=1x3x224x224
              martlet compile model.onnx --stop-after llvm --dump fused=dumps --dump llvm=dumps
            """)

    @Argument(help: "The model, or the text of a graph.")
    var file: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The engine file to write.", valueName: "out"))
    var output: String?

    @Option(help: "The machine to compile for, such as 'x86-64-v3' or 'znver4+avx512bf16' (default: this one).")
    var target: String?

    @Option(
        help: ArgumentHelp("Compile for this shape of an input, such as 'image=1x3x224x224'.", valueName: "name=shape"))
    var shapes: [NamedShape] = []

    @Option(help: "Threads that compile.")
    var jobs: Int?

    @Option(help: "How exactly the engine computes: 'exact'.")
    var accuracy = Accuracy.exact

    @Option(help: "Stop behind a stage: \(CompilerStage.names).")
    var stopAfter: CompilerStage?

    @Option(help: ArgumentHelp("Write what a stage made into a folder.", valueName: "stage=folder"))
    var dump: [StageDump] = []

    @Option(help: ArgumentHelp("Leave out a pass or a rewriting rule.", valueName: "name"))
    var disable: [String] = []

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if output == nil && stopAfter == nil { throw ValidationError("Say where the engine goes: -o OUT.") }
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1.") }
    }

    func run() throws {
        var settings = try Settings.current
        if let target { settings.target = target == "host" ? nil : target }
        if let jobs { settings.jobs = jobs }
        let started = ContinuousClock.now
        let compiler = try ModelCompiler(settings)
        let name = ModelLoader.name(of: file)
        let graph = try ModelFile(path: file)
            .graph(shapes: Dictionary(shapes.map { ($0.name, $0.shape) }) { $1 })
        let engine: Engine
        do {
            engine = try compiler.compile(graph, name: name, hash: try ModelFile.hash(path: file)) { options in
                if !dump.isEmpty {
                    options.observer = StageObserver(stages: Set(dump.map(\.stage))) { [dump] stage, texts in
                        try Self.write(texts, of: stage, dump)
                    }
                }
                options.lastStage = stopAfter ?? .placed
                options.rules.disabled = Set(disable)
            }
        } catch let problem as Diagnostic where problem.code == "compile.stopped" {
            return
        }
        if dump.contains(where: { $0.stage == .placed }) {
            try Self.write([("steps", EngineText.steps(of: engine))], of: .placed, dump)
        }
        guard let output else { return }
        try engine.write(to: output)
        report(engine, output, (ContinuousClock.now - started).inSeconds)
    }

    /// Writes what a stage made: a file for each of its parts.
    private static func write(
        _ texts: [(name: String, text: String)], of stage: CompilerStage, _ dumps: [StageDump]
    ) throws {
        for dump in dumps where dump.stage == stage {
            try Folder.make(dump.folder)
            for (name, text) in texts { try Files.write(text, to: "\(dump.folder)/\(name).\(stage.rawValue).txt") }
        }
    }

    private func report(_ engine: Engine, _ path: String, _ seconds: Double) {
        let facts: JSONValue = [
            "file": .string(path), "target": .string(engine.header.target), "steps": .integer(engine.stepCount),
            "kernels": .integer(engine.kernels.count), "code": .integer(engine.code.count),
            "weights": .integer(engine.weights.count), "seconds": .number(seconds),
        ]
        if json { return Console.print(facts.text(indent: 2)) }
        Console.print(
            "\(path): \(Text.count(engine.stepCount, "step")), \(Text.count(engine.kernels.count, "kernel")), "
                + "\(Text.bytes(engine.code.count)) code, \(Text.bytes(engine.weights.count)) weights, for "
                + "\(engine.header.target), in \(Text.fixed(seconds, 2)) s")
    }
}

extension CompilerStage: ExpressibleByArgument {
    /// All names, for help.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// A stage, and the folder for what it made.
struct StageDump: ExpressibleByArgument {
    let stage: CompilerStage
    let folder: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let stage = CompilerStage(rawValue: String(parts[0])) else { return nil }
        (self.stage, folder) = (stage, String(parts[1]))
    }
}
