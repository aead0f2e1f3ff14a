import Martlet
import MartletCompiler
import MartletCore

/// What repeats a compilation that failed: the graph and the options, in a folder.
struct Reproducer {
    private let graph: Graph
    private let stage: CompilerStage
    private let options: CompileArguments
    /// Rewrites that the stages behind may do.
    private let rewriteLimit: Int?

    /// The reproducer of a graph that `stage` made; behind it the compiler was allowed so many rewrites.
    init(_ graph: Graph, _ stage: CompilerStage, _ options: CompileArguments, rewriteLimit: Int?) {
        (self.graph, self.stage, self.options, self.rewriteLimit) = (graph, stage, options, rewriteLimit)
    }

    /// The problem, with where the reproducer was left and the command that repeats it.
    func explaining(_ problem: Diagnostic, target: String) -> Diagnostic {
        var problem = problem
        let before = problem.help.map { $0 + "\n" } ?? ""
        do {
            guard let root = try Settings.current.reproducerFolder else { return problem }
            let command = try write(problem, to: root, target)
            problem.help = before + "to repeat it: \(command)"
        } catch {
            problem.help = before + "no reproducer was left: \(error)"
        }
        return problem
    }

    private static func hash(of text: String) -> StableHash {
        var hash = StableHash()
        hash.combine(text)
        return hash
    }

    /// Writes the folder; gives the command.
    private func write(_ problem: Diagnostic, to root: String, _ target: String) throws -> String {
        let text = graph.text
        let folder = "\(root)/martlet-\(problem.code)-\(Self.hash(of: text))"
        try Folder.make(folder)
        let path = "\(folder)/graph\(StageFile.suffix(stage))"
        try GraphFile.write(text, resources: graph.resources, to: path)
        let command = "martlet compile '\(path)' " + arguments(path, folder, target).joined(separator: " ")
        let note = "\(problem)\n\n\(MartletVersion.text)\n\(command)\n"
        try AtomicFile.write(Array(note.utf8), to: "\(folder)/README.txt")
        return command
    }

    private func arguments(_ path: String, _ folder: String, _ target: String) -> [String] {
        var words = ["-o '\(folder)/engine.martlet'", "--target '\(target)'"]
        if stage != .imported { words.append("--start-from '\(stage.rawValue)=\(path)'") }
        if let start = options.startFrom, start.stage == .kernels {
            words.append("--start-from '\(start.stage.rawValue)=\(start.path)'")
        }
        if let last = options.stopAfter { words.append("--stop-after \(last.rawValue)") }
        if options.verifyPasses { words.append("--verify-passes") }
        words += options.disable.map { "--disable \($0)" }
        if let rewriteLimit { words.append("--rewrite-limit \(rewriteLimit)") }
        if let limit = options.fusionLimit { words.append("--fusion-limit \(limit)") }
        return words
    }
}
