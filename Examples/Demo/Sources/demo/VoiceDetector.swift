import Foundation
import Martlet

/// Silero VAD: how likely each 32 ms of sound at 16 kHz are speech.
struct VoiceDetector {
    private static let chunk = 512
    private static let context = 64

    let model: Model

    init(model: URL) async throws {
        self.model = try await Model(model.path)
    }

    /// One chunk of silence with a fresh state, for looking at the engine.
    func sampleInput() throws -> [String: HostTensor] {
        [
            "input": try HostTensor(zeros: .float32, shape: [1, Self.context + Self.chunk]),
            "state": try HostTensor(zeros: .float32, shape: [2, 1, 128]), "sr": HostTensor(scalar: Int64(16_000)),
        ]
    }

    /// The probability of speech for each chunk of 512 samples, the last one filled up with silence.
    func probabilities(of samples: [Float]) throws -> [Float] {
        let session = try model.makeSession(states: ["state": "stateN"])
        let rate = HostTensor(scalar: Int64(16_000))
        let count = (samples.count + Self.chunk - 1) / Self.chunk
        let silence = [Float](repeating: 0, count: count * Self.chunk - samples.count)
        let padded = [Float](repeating: 0, count: Self.context) + samples + silence
        return try (0..<count).map { number in
            let start = number * Self.chunk
            let input = try HostTensor(
                Array(padded[start..<start + Self.context + Self.chunk]), shape: [1, Self.context + Self.chunk])
            let output = try session.run(["input": input, "sr": rate])["output"]
            return try output?.array(of: Float.self).first ?? 0
        }
    }
}
