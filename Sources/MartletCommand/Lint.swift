import ArgumentParser
import Martlet
import MartletCore
import MartletEngine
import MartletONNX

/// `martlet lint`: every problem of a model.
struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List every problem of a model.",
        discussion: """
            Exit status 1 if the model cannot run.

            Example:
              martlet lint model.onnx
            """)

    @Argument(help: "The ONNX model, or an engine.")
    var file: String

    @Flag(help: "Print the problems as JSON.")
    var json = false

    func run() throws {
        let problems = try problems()
        if json {
            Console.print((["problems": .array(problems.map(\.json))] as JSONValue).text(indent: 2))
        } else {
            for problem in problems { Console.print("\(problem)") }
            let errors = problems.count { $0.severity == .error }
            let remarks = Text.count(problems.count - errors, "other remark")
            Console.print("\(file): \(Text.count(errors, "error")), \(remarks)")
        }
        if Diagnostics(problems).hasErrors { throw ExitCode(Failure.failed) }
    }

    private func problems() throws -> [Diagnostic] {
        do {
            switch try ModelFile(path: file) {
            case .onnx(let model): return ONNXImporter.lint(model)
            case .graph(let graph): return graph.problems()
            case .engine(let reader):
                try reader.check()
                return []
            }
        } catch let problem as Diagnostic {
            return [problem]
        }
    }
}

extension Diagnostic {
    /// The diagnostic as JSON.
    var json: JSONValue {
        var result: JSONObject = [
            "code": .string(code), "severity": .string(severity.rawValue), "message": .string(message),
        ]
        if let place { result["place"] = .string("\(place)") }
        if let help { result["help"] = .string(help) }
        return .object(result)
    }
}
