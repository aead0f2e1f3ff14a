import ArgumentParser
import Glibc
import Martlet
import MartletCompiler
import MartletCore
import MartletRuntime

/// `martlet doctor`: what this machine has.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what this machine has, and what to install.",
        discussion: """
            Exit status 1 if models cannot be compiled here.

            Examples:
              martlet doctor
              martlet doctor --settings
              martlet doctor --rules
            """)

    @Flag(help: "List every setting with its environment variable, its value and what it does.")
    var settings = false

    @Flag(help: "List the passes and rewriting rules that --disable takes.")
    var rules = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() throws {
        if rules { return printRules() }
        if settings { return try printSettings() }
        let current = try Settings.current
        let backend = Result { try CompilerTools.shared(current).generator.backend() }
        var facts: [(name: String, value: String)] = [
            ("martlet", MartletVersion.text), ("processor", Self.processor()),
            ("target", (try? ModelCompiler(current).target.name) ?? "none"),
            ("features", CPUFeatures.current.names.joined(separator: " ")),
            ("threads", String(current.threads ?? Runtime.shared.threadCount)),
        ]
        switch backend {
        case .success(let backend): facts.append(("compiler", backend.description))
        case .failure(let problem): facts.append(("compiler", "none: \(problem)"))
        }
        facts.append(("cache", CacheReport.describe(current)))
        if json {
            var object = JSONObject()
            for (name, value) in facts { object[name] = .string(value) }
            Console.print(JSONValue.object(object).text(indent: 2))
        } else {
            Console.print(Text.table(facts.map { [$0.name, $0.value] }))
        }
        if case .success(.clang) = backend {
            Console.error("note: kernels are compiled by clang; with libLLVM 22 that is faster (Debian: libllvm22)")
        }
        if case .failure = backend { throw ExitCode(Failure.failed) }
    }

    private func printRules() {
        if json {
            let names: JSONValue = [
                "passes": .array(RuleNames.passes.map { .string($0) }),
                "rules": .array(RuleNames.rules.map { .string($0) }),
            ]
            return Console.print(names.text(indent: 2))
        }
        let lines = RuleNames.passes.map { "pass  \($0)" } + RuleNames.rules.map { "rule  \($0)" }
        Console.print(lines.joined(separator: "\n"))
    }

    private func printSettings() throws {
        let current = try Settings.current
        if json {
            let rows = Settings.options.map { option -> JSONValue in
                [
                    "name": .string(option.name), "variables": .array(option.variables.map { .string($0) }),
                    "kind": .string(option.kind), "default": .string(option.standard),
                    "value": .string(option.value(in: current)), "help": .string(option.help),
                ]
            }
            return Console.print((["settings": .array(rows)] as JSONValue).text(indent: 2))
        }
        for option in Settings.options {
            Console.print(
                """
                \(option.variables.joined(separator: ", "))  (\(option.kind))
                    \(option.help)
                    now: \(option.value(in: current))
                    default: \(option.standard)
                """)
        }
    }

    private static func processor() -> String {
        guard let text = try? MappedText.read("/proc/cpuinfo") else { return "unknown" }
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
            if let colon = line.firstIndex(of: ":") {
                return String(line[line.index(after: colon)...].drop { $0 == " " })
            }
        }
        return "unknown"
    }
}

/// Small files of the system, which have no size and cannot be mapped.
enum MappedText {
    /// The first 64 KiB of a file.
    static func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Diagnostic("file.open", "cannot open the file", at: .file(path: path, offset: nil))
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
}
