public import ArgumentParser
import Martlet
public import MartletCompiler
import MartletCore

/// How a model is compiled, beside its file and shapes: what a reproducer repeats.
struct CompileArguments: ParsableArguments {
    @Option(help: .setting("target"))
    var target: String?

    @Option(help: .setting("jobs"))
    var jobs: Int?

    @Option(help: "How exactly the engine computes: 'exact'.")
    var accuracy = Accuracy.exact

    @Option(help: "Stop behind a stage: \(CompilerStage.names).")
    var stopAfter: CompilerStage?

    @Option(help: ArgumentHelp("Write what a stage made into a folder.", valueName: "stage=folder"))
    var dump: [StageFile] = []

    @Option(help: ArgumentHelp("Go on from what --dump wrote: import, canonical or kernels.", valueName: "stage=file"))
    var startFrom: StageFile?

    @Option(help: ArgumentHelp("Leave out a pass or a rewriting rule; 'doctor --rules' lists them.", valueName: "name"))
    var disable: [String] = []

    @Option(help: ArgumentHelp("Do so many rewrites and no more.", valueName: "n"))
    var rewriteLimit: Int?

    @Option(help: ArgumentHelp("Fuse so many values into their readers and no more.", valueName: "n"))
    var fusionLimit: Int?

    @Flag(help: "Check the graph behind each pass.")
    var verifyPasses = false

    func validate() throws {
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1.") }
        for limit in [rewriteLimit, fusionLimit].compactMap(\.self) where limit < 0 {
            throw ValidationError("A limit must not be negative.")
        }
        if let stage = startFrom?.stage, ![.imported, .canonical, .kernels].contains(stage) {
            throw ValidationError("--start-from takes the stages import, canonical and kernels.")
        }
        try RuleNames.check(disable)
    }

    /// The settings in force, with those of the command line.
    func settings() throws -> Settings {
        var settings = try Settings.current
        if let target { settings.target = target == "host" ? nil : target }
        if let jobs { settings.jobs = jobs }
        return settings
    }

    /// What rules may do in the import and in the compiler together.
    var rules: RuleSet.Options {
        var rules = RuleSet.Options()
        (rules.disabled, rules.limit, rules.log) = (Set(disable), rewriteLimit, RewriteLog())
        return rules
    }

    /// Sets the compiler's options.
    func set(_ options: inout CompilerOptions, _ rules: RuleSet.Options, _ log: CompilationLog) {
        if !dump.isEmpty {
            options.observer = StageObserver(stages: Set(dump.map(\.stage))) { [dump] stage, texts in
                try Self.write(texts.map { ($0.name, $0.text, $0.resources) }, of: stage, dump)
            }
        }
        (options.lastStage, options.verifiesPasses) = (stopAfter ?? .placed, verifyPasses)
        (options.rules, options.fusionLimit, options.log) = (rules, fusionLimit, log)
    }

    /// The kernels that take the place of generated ones.
    ///
    /// - Throws: what reading and checking Vector IR says, with the file's name.
    func kernels() throws -> [String: VectorFunction] {
        guard let startFrom, startFrom.stage == .kernels else { return [:] }
        let names = Folder.names(in: startFrom.path).filter { $0.hasSuffix(StageFile.suffix(.kernels)) }
        let files = names.isEmpty ? [startFrom.path] : names.sorted().map { "\(startFrom.path)/\($0)" }
        var kernels: [String: VectorFunction] = [:]
        for path in files {
            let text = try MappedFile(path: path).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            do {
                let function = try VectorFunction(text: text)
                try VectorVerifier.verify(function)
                kernels[StageFile.part(of: path)] = function
            } catch let problem as Diagnostic {
                throw problem.prefixed("\(path): ")
            } catch let problems as Diagnostics {
                throw Diagnostics(problems.all.map { $0.prefixed("\(path): ") })
            }
        }
        return kernels
    }

    /// Writes texts of a stage where they are wanted.
    func write(_ texts: @autoclosure () -> [(name: String, text: String)], of stage: CompilerStage) throws {
        guard dump.contains(where: { $0.stage == stage }) else { return }
        try Self.write(texts().map { ($0.name, $0.text, [:]) }, of: stage, dump)
    }

    private static func write(
        _ texts: [(name: String, text: String, resources: [String: HostTensor])], of stage: CompilerStage,
        _ dumps: [StageFile]
    ) throws {
        for dump in dumps where dump.stage == stage {
            try Folder.make(dump.path)
            for (name, text, resources) in texts {
                try GraphFile.write(text, resources: resources, to: "\(dump.path)/\(name)\(StageFile.suffix(stage))")
            }
        }
    }
}

extension CompilerStage: ExpressibleByArgument {
    /// All names, for help.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// A stage, and the folder or file for what it made.
struct StageFile: ExpressibleByArgument {
    let stage: CompilerStage
    let path: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let stage = CompilerStage(rawValue: String(parts[0])) else { return nil }
        (self.stage, path) = (stage, String(parts[1]))
    }

    /// The end of the names of files that a stage made: `graph.canonical.txt`, `k0.kernels.txt`.
    static func suffix(_ stage: CompilerStage) -> String { ".\(stage.rawValue).txt" }

    /// The part that a file holds: `k0`.
    static func part(of path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return String(name.prefix { $0 != "." })
    }
}
