import ArgumentParser
import Martlet
import MartletCore
import MartletRuntime

/// `martlet bench`: how long an inference takes.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how long a model takes.",
        discussion: """
            Prints the wall times of single inferences, and of opening the file where it is an engine. Inputs come from a folder with input_0.pb, … or are random.

            With --lines it serves timing requests: it compiles, prints 'ready', and answers each line 'run K' on standard
            input with one line, the wall seconds that K inferences took; 'quit' or the end of the input ends it.

            Examples:
              martlet bench model.onnx --threads 1
              martlet bench model.onnx --inputs case/test_data_set_0 --profile trace.json
              printf 'run 10\\nquit\\n' | martlet bench model.onnx --lines
            """)

    @Argument(help: "The model or engine.")
    var file: String

    @OptionGroup var inputs: InputArguments
    @OptionGroup var model: ModelArguments

    @Option(help: "How long to measure.")
    var seconds = 2.0

    @Option(help: ArgumentHelp("Write what each step costs to a file.", valueName: "json"))
    var profile: String?

    @Flag(help: "Serve timing requests from standard input.")
    var lines = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must be positive, at most 3600.") }
    }

    func run() throws {
        let loaded = try Model.load(file, options: try model.options())
        let tensors = try inputs.tensors(for: loaded.inputs, shapes: model.shapesByName, fills: true)
        let prepared = try PreparedRun(loaded.engine, inputs: tensors)
        try prepared.run(cancellation: Interruption.cancellation)
        if lines { return try serve(prepared) }
        if let profile { return try writeProfile(prepared, to: profile) }
        try report(try Latency.measure(prepared, duration: seconds, cancellation: Interruption.cancellation), loaded)
    }

    /// The protocol of timing requests.
    private func serve(_ prepared: PreparedRun) throws {
        Console.print("ready")
        while let line = readLine() {
            let words = line.split(separator: " ")
            if words.isEmpty || words == ["quit"] { return }
            guard words.count == 2, words[0] == "run", let count = Int(words[1]), count > 0 else {
                throw Diagnostic("bench.request", "not understood: '\(line)'", help: "send 'run K' or 'quit'")
            }
            let start = ContinuousClock.now
            for _ in 0..<count { try prepared.run() }
            Console.print(Text.fixed((ContinuousClock.now - start).inSeconds, 9))
        }
    }

    private func report(_ latency: Latency, _ model: Model) throws {
        let quantiles = [("min", 0.0), ("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)]
        let threads = model.engine.runtime.threadCount
        let opening = try Latency.opening(engineAt: file)
        if json {
            var result: JSONObject = [
                "file": .string(file), "threads": .integer(threads), "runs": .integer(latency.seconds.count),
                "mean": .number(latency.mean),
            ]
            for (name, share) in quantiles { result[name] = .number(latency.quantile(share)) }
            if let opening { result["open"] = .number(opening.quantile(0.5)) }
            return Console.print(JSONValue.object(result).text(indent: 2))
        }
        Console.print("\(file): \(Text.count(threads, "thread")), \(Text.count(latency.seconds.count, "run"))")
        var rows = quantiles.map { [$0.0, Text.fixed(latency.quantile($0.1) * 1e3, 4)] }
        rows.append(["mean", Text.fixed(latency.mean * 1e3, 4)])
        if let opening { rows.append(["opening", Text.fixed(opening.quantile(0.5) * 1e3, 4)]) }
        Console.print(Text.table([["", "ms"]] + rows, right: [1]))
    }

    private func writeProfile(_ prepared: PreparedRun, to path: String) throws {
        let peak = try MachinePeaks(try Settings.current)
        let before = try peak.measure()
        let steps = try StepProfile(prepared, duration: seconds, cancellation: Interruption.cancellation)
        let after = try peak.measure()
        let result = steps.json(before: before, after: after)
        try Files.write(result.text(indent: 1) + "\n", to: path)
        if json { return Console.print(result.text(indent: 2)) }
        let sorted = steps.steps.sorted { $0.nanoseconds > $1.nanoseconds }
        let rows = sorted.map { step in
            let peak = before[step.arithmetic].map { max($0, after[step.arithmetic] ?? 0) }
            let rate = step.flops / max(step.nanoseconds, 1)
            return [
                Text.fixed(step.nanoseconds / 1e3, 1), Text.fixed(100 * step.share, 1) + " %",
                Text.fixed(rate, 1), peak.map { Text.fixed(100 * rate / $0, 0) + " %" } ?? "–",
                step.kernel, step.name,
            ]
        }
        Console.print(
            Text.table([["µs", "share", "GFLOP/s", "of peak", "kernel", "nodes"]] + rows, right: [0, 1, 2, 3]))
        let peaks = Arithmetic.allCases.compactMap { kind in
            before[kind].map {
                "\(kind.rawValue) \(Text.fixed($0, 1)) before, \(Text.fixed(after[kind] ?? 0, 1)) after"
            }
        }
        Console.print("peak of one thread in GFLOP/s: \(peaks.joined(separator: "; "))")
        Console.print("\(Text.count(steps.runCount, "run")); written to \(path)")
    }
}
