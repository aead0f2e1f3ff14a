import Foundation
import Martlet

/// Two trained models on the compiled engine; `README.md` says what they take and give.
@main
struct Demo {
    static func main() async {
        do {
            let arguments = try Arguments(CommandLine.arguments.dropFirst())
            let isRight = try await showKinds(arguments)
            print()
            try await showSpeech(arguments)
            if !isRight { exit(1) }
        } catch {
            FileHandle.standardError.write(Data("demo: \(error)\n".utf8))
            exit(1)
        }
    }

    // MARK: Kinds of files

    /// A table of files, what the model says of each, and how long it took. Gives whether the kinds of the files that
    /// were made are right.
    private static func showKinds(_ arguments: Arguments) async throws -> Bool {
        let file = arguments.models.appending(path: "magika.onnx")
        let magika = try await Magika(model: file, configuration: arguments.models.appending(path: "magika.json"))
        let truthFile = arguments.files.deletingLastPathComponent().appending(path: "files.json")
        let truth = (try? JSONDecoder().decode([String: String].self, from: Data(contentsOf: truthFile))) ?? [:]
        print("Magika: what kind of content is in these files?\n")
        print("  " + cell("file", 28) + cell("kind", 12) + cell("score", 10) + "time")
        var right = 0
        for url in try arguments.allFiles() {
            let content = try Data(contentsOf: url)
            let start = ContinuousClock.now
            guard let answer = try await magika.classify([content]).first else { continue }
            let time = (ContinuousClock.now - start).milliseconds
            let name = url.lastPathComponent
            let expected = url.path.hasPrefix(arguments.files.path) ? truth[name] : nil
            if expected == answer.label { right += 1 }
            let remark = expected.map { $0 == answer.label ? "" : "  (it is \($0))" } ?? ""
            print(
                "  " + cell(name, 28) + cell(answer.label, 12) + cell(format(100 * answer.probability, 1) + " %", 10)
                    + "\(format(time, 1)) ms\(remark)")
        }
        if !truth.isEmpty { print("\n  \(right) of the \(truth.count) files that were made are right") }
        try await explain(magika.model, file, try magika.sampleInput())
        return right == truth.count
    }

    // MARK: Speech

    private static func showSpeech(_ arguments: Arguments) async throws {
        let sound = try WaveFile(contentsOf: arguments.speech)
        let file = arguments.models.appending(path: "silero-vad.onnx")
        let detector = try await VoiceDetector(model: file)
        let length = Double(sound.samples.count) / Double(sound.rate)
        print("Silero VAD: where does somebody speak in these \(format(length, 1)) s?\n")
        let start = ContinuousClock.now
        let probabilities = try detector.probabilities(of: sound.samples)
        let time = (ContinuousClock.now - start).milliseconds
        let segments = SpeechSegments(probabilities, sampleCount: sound.samples.count).ranges.map { segment in
            Double(segment.lowerBound) / Double(sound.rate)...Double(segment.upperBound) / Double(sound.rate)
        }
        let chart = SpeechChart(probabilities: probabilities, seconds: length)
        for line in chart.lines() { print(line) }
        let picture = arguments.speech.deletingPathExtension().appendingPathExtension("svg")
        try chart.svg(segments: segments).write(to: picture, atomically: true, encoding: .utf8)
        let spans = segments.map { "\(format($0.lowerBound, 2)) – \(format($0.upperBound, 2)) s" }
        print("\n  speech: \(spans.joined(separator: ", ")); picture: \(picture.path)")
        let chunk = time / Double(max(probabilities.count, 1))
        print(
            "  \(probabilities.count) chunks of 32 ms, \(format(chunk, 3)) ms each: "
                + "\(format(1000 * length / time, 0)) times faster than speech")
        try await explain(detector.model, file, try detector.sampleInput())
    }

    // MARK: What the compiler did

    private static func explain(_ model: Model, _ file: URL, _ inputs: [String: HostTensor]) async throws {
        let report = try CompilationReport(model, file: file)
        for line in try report.lines(inputs) { print(line) }
        _ = try model.run(inputs)
        let start = ContinuousClock.now
        let turns = 10
        for _ in 0..<turns { _ = try model.run(inputs) }
        let compiled = (ContinuousClock.now - start).milliseconds / Double(turns)
        let interpreted = try report.interpreterMilliseconds(inputs)
        print(
            "  one run: \(format(compiled, 3)) ms compiled, \(format(interpreted, 1)) ms by the reference interpreter "
                + "(\(format(interpreted / compiled, 0)) times)")
    }

    private static func cell(_ text: String, _ width: Int) -> String {
        text.count >= width ? text.prefix(width - 2) + "… " : text + String(repeating: " ", count: width - text.count)
    }

    private static func format(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

extension Duration {
    /// The duration in milliseconds.
    var milliseconds: Double { 1000 * Double(components.seconds) + Double(components.attoseconds) * 1e-15 }
}
