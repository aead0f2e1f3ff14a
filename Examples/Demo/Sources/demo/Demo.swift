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

    /// What kind of content is in each file? Gives whether the kinds are those of `files.json`, if that is there.
    private static func showKinds(_ arguments: Arguments) async throws -> Bool {
        let magika = try await Magika(
            model: arguments.models.appending(path: "magika.onnx"),
            configuration: arguments.models.appending(path: "magika.json"))
        let names = try FileManager.default.contentsOfDirectory(atPath: arguments.files.path).sorted()
        let contents = try names.map { try Data(contentsOf: arguments.files.appending(path: $0)) }
        let truthFile = arguments.files.deletingLastPathComponent().appending(path: "files.json")
        let truth = try? JSONDecoder().decode([String: String].self, from: Data(contentsOf: truthFile))
        print("Magika: what kind of content is in these \(names.count) files?")
        let start = ContinuousClock.now
        let answers = try await magika.classify(contents)
        let time = ContinuousClock.now - start
        var right = 0
        for (name, answer) in zip(names, answers) {
            let expected = truth?[name]
            if answer.label == expected { right += 1 }
            let remark = expected.map { $0 == answer.label ? "" : "  (it is \($0))" } ?? ""
            print("  \(name)  \(answer.label)  \(format(100 * answer.probability, 1)) %\(remark)")
        }
        print("  \(format(time.milliseconds, 1)) ms" + (truth == nil ? "" : ", \(right) of \(names.count) right"))
        return truth == nil || right == names.count
    }

    /// Where does somebody speak?
    private static func showSpeech(_ arguments: Arguments) async throws {
        let sound = try WaveFile(contentsOf: arguments.speech)
        let detector = try await VoiceDetector(model: arguments.models.appending(path: "silero-vad.onnx"))
        let length = Double(sound.samples.count) / Double(sound.rate)
        print("Silero VAD: where does somebody speak in these \(format(length, 1)) s?")
        let start = ContinuousClock.now
        let probabilities = try detector.probabilities(of: sound.samples)
        let time = ContinuousClock.now - start
        for segment in SpeechSegments(probabilities, sampleCount: sound.samples.count).ranges {
            let (from, to) = (Double(segment.lowerBound), Double(segment.upperBound))
            print("  \(format(from / Double(sound.rate), 2)) – \(format(to / Double(sound.rate), 2)) s")
        }
        let chunk = time.milliseconds / Double(max(probabilities.count, 1))
        print(
            "  \(probabilities.count) chunks of 32 ms, \(format(chunk, 3)) ms each: "
                + "\(format(1000 * length / time.milliseconds, 0)) times faster than speech")
    }

    private static func format(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

extension Duration {
    /// The duration in milliseconds.
    var milliseconds: Double { 1000 * Double(components.seconds) + Double(components.attoseconds) * 1e-15 }
}
