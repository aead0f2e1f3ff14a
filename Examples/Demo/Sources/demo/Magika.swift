import Foundation
import Martlet

/// Magika: tells the kind of a file's content from its first and last bytes.
struct Magika {
    /// A kind and how sure the model is of it.
    struct Answer {
        let label: String
        let probability: Double
    }

    /// The part of the model's configuration that is needed here.
    struct Configuration: Decodable {
        let beg_size: Int
        let end_size: Int
        let block_size: Int
        let padding_token: Int32
        let min_file_size_for_dl: Int
        let medium_confidence_threshold: Double
        let target_labels_space: [String]
        let thresholds: [String: Double]
        let overwrite_map: [String: String]
    }

    let model: Model
    private let configuration: Configuration

    init(model: URL, configuration: URL) async throws {
        self.configuration = try JSONDecoder().decode(Configuration.self, from: Data(contentsOf: configuration))
        self.model = try await Model(model.path)
    }

    /// The kind of each content; those that need the model are given to it in one run.
    func classify(_ contents: [Data]) async throws -> [Answer] {
        let features = contents.map { ContentFeatures($0, configuration) }
        var answers = features.map { $0.answerWithoutModel }
        let rows = features.indices.filter { answers[$0] == nil }
        for (row, answer) in zip(rows, try await ask(rows.map { features[$0].row })) { answers[row] = answer }
        return answers.compactMap { $0 }
    }

    /// An input of one row, for looking at the engine.
    func sampleInput() throws -> [String: HostTensor] {
        let width = configuration.beg_size + configuration.end_size
        return ["bytes": try HostTensor([Int32](repeating: 32, count: width), shape: [1, width])]
    }

    private func ask(_ rows: [[Int32]]) async throws -> [Answer] {
        guard let width = rows.first?.count else { return [] }
        let bytes = try HostTensor(rows.flatMap { $0 }, shape: [rows.count, width])
        guard let output = try await model(["bytes": bytes])["target_label"] else {
            throw Problem("the model has no output 'target_label'")
        }
        let probabilities = try output.array(of: Float.self)
        let labels = configuration.target_labels_space
        return rows.indices.map { row in
            let scores = probabilities[row * labels.count..<(row + 1) * labels.count]
            let best = scores.indices.max { scores[$0] < scores[$1] } ?? scores.startIndex
            return answer(labels[best - scores.startIndex], Double(scores[best]))
        }
    }

    /// The model's answer, or a broader kind where it is not sure enough.
    private func answer(_ label: String, _ probability: Double) -> Answer {
        let kind = configuration.overwrite_map[label] ?? label
        let threshold = configuration.thresholds[label] ?? configuration.medium_confidence_threshold
        return Answer(label: probability < threshold ? "unknown" : kind, probability: probability)
    }
}

/// What the model sees of a content.
private struct ContentFeatures {
    /// One row of the model's input: the content's begin and its end.
    let row: [Int32]
    /// The kind of a content that is too short for the model.
    let answerWithoutModel: Magika.Answer?

    init(_ content: Data, _ configuration: Magika.Configuration) {
        let isBlank = { (byte: UInt8) in (0x09...0x0d).contains(byte) || byte == 0x20 }
        let block = min(configuration.block_size, content.count)
        let head = content.prefix(block)
        let begin = head.drop(while: isBlank).prefix(configuration.beg_size)
        let tail = Data(content.suffix(block).reversed().drop(while: isBlank).reversed())
        let end = tail.suffix(configuration.end_size)
        let padding = { (count: Int) in [Int32](repeating: configuration.padding_token, count: max(count, 0)) }
        row =
            begin.map(Int32.init) + padding(configuration.beg_size - begin.count)
            + padding(configuration.end_size - end.count) + end.map(Int32.init)
        if content.isEmpty {
            answerWithoutModel = Magika.Answer(label: "empty", probability: 1)
        } else if begin.count < configuration.min_file_size_for_dl {
            let isText = String(validating: head, as: UTF8.self) != nil
            answerWithoutModel = Magika.Answer(label: isText ? "txt" : "unknown", probability: 1)
        } else {
            answerWithoutModel = nil
        }
    }
}
