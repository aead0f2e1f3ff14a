import ArgumentParser
import Martlet
import MartletCore
import MartletONNX

/// `martlet verify`: compares outputs with those that cases expect.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run cases and compare their outputs.",
        discussion: """
            A case is a folder with model.onnx and test_data_set_N/{input_K,output_K}.pb, as ONNX's own tests have; other
            folders are searched for cases. Prints one line a case. Exit status 0 only if all agree.

            Examples:
              martlet verify cases/resnet50
              martlet verify cases --engine both
              martlet verify cases/bert --layers
              martlet verify cases/bert --bisect
            """)

    @Argument(help: ArgumentHelp("Folders with cases.", valueName: "case"))
    var cases: [String]

    @Option(help: "What runs them: 'reference', 'compiled' or 'both'.")
    var engine = Choice.compiled

    @Flag(help: "Where outputs differ, name the first node whose value does.")
    var layers = false

    @Flag(help: "Where outputs differ, name the rewriting rule or the fusion without which they do not.")
    var bisect = false

    @Option(help: ArgumentHelp("Leave out a pass or a rewriting rule.", valueName: "name"))
    var disable: [String] = []

    @Option(help: .setting("threads"))
    var threads: Int?

    @Flag(name: .customLong("shapes-from-data"), help: "Compile for exactly the shapes of each data set.")
    var shapesFromData = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    enum Choice: String, ExpressibleByArgument, CaseIterable {
        case reference, compiled, both

        var engines: [VerifiedEngine] {
            switch self {
            case .reference: [.reference]
            case .compiled: [.compiled]
            case .both: [.reference, .compiled]
            }
        }
    }

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
        try RuleNames.check(disable)
    }

    func run() throws {
        let folders = try cases.flatMap(Self.find)
        var options = Verification.Options()
        options.model = try ModelOptions(threads: threads)
        options.usesShapesOfData = shapesFromData
        options.rules.disabled = Set(disable)
        var outcomes: [Outcome] = []
        for (number, folder) in folders.enumerated() {
            for engine in self.engine.engines {
                try Interruption.check()
                ProgressLine.show("\(number + 1) of \(folders.count): \(folder.name) (\(engine.rawValue))")
                options.engine = engine
                let outcome = verify(folder, options)
                outcomes.append(outcome)
                if !json { print(outcome) }
            }
        }
        if json { Console.print((["cases": .array(outcomes.map(\.json))] as JSONValue).text(indent: 2)) }
        if outcomes.contains(where: { !$0.reasons.isEmpty }) { throw ExitCode(Failure.failed) }
    }

    private static func find(_ path: String) throws -> [CaseFolder] {
        let found = try CaseFolder.all(in: path)
        guard !found.isEmpty else {
            throw Diagnostic("case.none", "there is no case in the folder", at: .file(path: path, offset: nil))
        }
        return found
    }

    /// What came out for one case and engine.
    private struct Outcome {
        let name: String
        let engine: VerifiedEngine
        let summary: String
        let reasons: [String]

        var json: JSONValue {
            [
                "name": .string(name), "engine": .string(engine.rawValue), "passed": .bool(reasons.isEmpty),
                "reasons": .array(reasons.map { .string($0) }),
            ]
        }
    }

    private func verify(_ folder: CaseFolder, _ options: Verification.Options) -> Outcome {
        var reasons: [String] = []
        var summary = ""
        do {
            let verification = try Verification(folder, options: options)
            let report = try verification.run()
            reasons = report.failures.map(Self.describe)
            summary = Self.summary(report)
            if layers, !reasons.isEmpty, options.engine == .compiled { reasons += try firstLayer(verification) }
        } catch {
            reasons.append("\(error)")
        }
        if bisect, !reasons.isEmpty { reasons.append("bisect: \(culprit(folder, options))") }
        return Outcome(name: folder.name, engine: options.engine, summary: summary, reasons: reasons)
    }

    /// What is to blame, in words.
    private func culprit(_ folder: CaseFolder, _ options: Verification.Options) -> String {
        do {
            let bisection = Bisection(try Verification(folder, options: options)) { trial in
                ProgressLine.show("\(folder.name): bisecting, \(trial)")
            }
            return "\(try bisection.culprit())"
        } catch {
            return "\(error)"
        }
    }

    private func print(_ outcome: Outcome) {
        let label = engine == .both ? "\(outcome.name) (\(outcome.engine.rawValue))" : outcome.name
        ProgressLine.clear()
        Console.print("\(outcome.reasons.isEmpty ? "ok  " : "FAIL") \(label)  \(outcome.summary)")
        for reason in outcome.reasons { Console.print("       " + reason) }
    }

    private static func describe(_ failure: Verification.Failure) -> String {
        let place = "data set \(failure.dataSet)\(failure.isStream ? " in its stream" : "")"
        return "\(place), output '\(failure.output)': \(failure.reason)"
    }

    private static func summary(_ report: Verification.Report) -> String {
        let stream = report.streamCount > 0 ? " and \(report.streamCount) in streams" : ""
        return "\(Text.count(report.aloneCount, "data set"))\(stream), largest difference "
            + "\(Float(report.maximumError)), relative L2 \(Float(report.relativeL2))"
    }

    /// The first node whose value differs, in words.
    private func firstLayer(_ verification: Verification) throws -> [String] {
        guard let set = verification.folder.dataSets.first else { return [] }
        let options = try verification.modelOptions(for: set)
        let loader = try ModelLoader(options)
        let comparison = LayerComparison(try verification.graph(options), tolerance: verification.folder.tolerance) {
            try loader.load($0)
        }
        let difference = try comparison.firstDifference(try verification.inputs(of: set)) { share in
            ProgressLine.show("\(verification.folder.name): layers, \(Int(100 * share)) %")
        }
        guard let difference else { return ["layers: no single value differs"] }
        let place =
            "%\(difference.node.index) \(difference.operation) of '\(difference.origins.joined(separator: " / "))'"
        return ["layers: first at \(place): \(difference.reason)"]
    }
}
