import ArgumentParser
import Martlet
import MartletCompiler
import MartletCore
import MartletONNX

/// `martlet conformance`: ONNX's suite, in processes of its own.
struct Conformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run ONNX's suite and say how each case came out.",
        discussion: """
            DIR holds folders of cases by kind (node, simple, …). Cases run in child processes, so that one which ends its
            process or does not answer counts as such and the others go on. Exit status 0 if the suite was run, whatever
            came out; the counts are printed, the rows are written to the JSON file.

            Example:
              martlet conformance suite --json result.json --engine reference --filter softmax
            """)

    @Argument(help: ArgumentHelp("The folder with the cases.", valueName: "dir"))
    var folder: String

    @Option(help: ArgumentHelp("The file for the result.", valueName: "file"))
    var json: String

    @Option(help: "What runs the cases: 'reference' or 'compiled'.")
    var engine = VerifiedEngine.compiled

    @Option(help: "Cases that run at a time.")
    var jobs = Runtime.shared.threadCount

    @Option(help: "Only cases with this in their path.")
    var filter: String?

    @Option(help: "Seconds that a case may take.")
    var limit = 60.0

    func validate() throws {
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs must be from 1 to 256.") }
        guard limit > 0 else { throw ValidationError("--limit must be positive.") }
    }

    func run() throws {
        let cases = try CaseFolder.all(in: folder).filter { filter.map($0.path.contains) ?? true }
        guard !cases.isEmpty else {
            throw Diagnostic("case.none", "there is no such case in the folder", at: .file(path: folder, offset: nil))
        }
        let batch = WorkerPool(
            arguments: ["conformance-worker", "--engine", engine.rawValue], jobs: jobs, limit: .seconds(limit))
        let results = try batch.run(cases.map(\.path)) { done in
            ProgressLine.show("\(done) of \(cases.count) cases")
        }
        ProgressLine.clear()
        let rows = zip(cases, results).map { folder, result in
            Row(name: folder.name, kind: Self.kind(of: folder), status: result.status, reason: result.reason)
        }
        let document: JSONValue = ["engine": .string(engine.rawValue), "cases": .array(rows.map(\.json))]
        try Files.write(document.text(indent: 1) + "\n", to: json)
        Console.print(Self.counts(rows))
    }

    private struct Row {
        let name: String
        let kind: String
        let status: ConformanceCases.Status
        let reason: String

        var json: JSONValue {
            [
                "name": .string(name), "kind": .string(kind), "status": .string(status.rawValue),
                "reason": .string(reason),
            ]
        }
    }

    /// The name of the folder that a case is in.
    private static func kind(of folder: CaseFolder) -> String {
        folder.path.split(separator: "/").dropLast().last.map(String.init) ?? ""
    }

    /// How many cases of each kind came out how.
    private static func counts(_ rows: [Row]) -> String {
        let statuses = ConformanceCases.Status.allCases
        let kinds = Set(rows.map(\.kind)).sorted()
        func line(_ label: String, _ rows: [Row]) -> [String] {
            [label] + statuses.map { status in String(rows.count { $0.status == status }) } + [String(rows.count)]
        }
        let table =
            [["kind"] + statuses.map(\.rawValue) + ["cases"]]
            + kinds.map { kind in line(kind, rows.filter { $0.kind == kind }) } + [line("all", rows)]
        return Text.table(table, right: Set(1...statuses.count + 1))
    }
}

/// `martlet conformance-worker`: runs some cases for `conformance` and prints a line before and one after each.
struct ConformanceWorker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance-worker", abstract: "Runs cases for 'conformance'.", shouldDisplay: false)

    @Argument var cases: [String]
    @Option var engine = VerifiedEngine.compiled

    func run() throws {
        var options = Verification.Options()
        options.engine = engine
        var settings = try Settings.current
        settings.threads = 1
        settings.jobs = 1
        // Thousands of small engines are used once; their kernels repeat, and stay.
        settings.cacheLimit = 0
        options.model.settings = settings
        options.adjust = { $0.verifiesPasses = true }
        for path in cases {
            Console.print(WorkerLine.start.text)
            let result = outcome(path, options)
            let row: JSONValue = ["status": .string(result.status.rawValue), "reason": .string(result.reason)]
            Console.print(WorkerLine.done(row.text()).text)
        }
    }

    private func outcome(
        _ path: String, _ options: Verification.Options
    ) -> (status: ConformanceCases.Status, reason: String) {
        do {
            return ConformanceCases.run(try CaseFolder(path: path), options)
        } catch {
            return (.failed, "\(error)")
        }
    }
}

/// What a worker says, a line each.
enum WorkerLine {
    /// The next case begins.
    case start
    /// It is done; a row of JSON.
    case done(String)

    /// The line as it is printed.
    var text: String {
        switch self {
        case .start: "start"
        case .done(let row): "done \(row)"
        }
    }

    /// Reads a line; nil for anything else that a process may print.
    init?(_ text: some StringProtocol) {
        if text == "start" {
            self = .start
        } else if text.hasPrefix("done ") {
            self = .done(String(text.dropFirst(5)))
        } else {
            return nil
        }
    }
}
