import Foundation
import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

/// Damaged models give diagnostics, never a crash.
@Suite(
    "Import: damaged models",
    .enabled(
        if: Prepared.has("suite"),
        "no prepared cases; set MARTLET_PREPARED to the folder that holds suite/"))
struct ImportFuzzTests {
    /// Damaged copies of each model.
    private static let rounds = ProcessInfo.processInfo.environment["MARTLET_FUZZ_ROUNDS"].flatMap(Int.init) ?? 1

    @Test func damagedModelsAreRefusedOrImported() throws {
        var generator = SplitMix64(seed: 7)
        for test in try CaseFolder.all(in: Prepared.suite) {
            let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: test.modelPath)))
            guard original.count < 20_000, !original.isEmpty else { continue }
            for _ in 0..<Self.rounds {
                var bytes = original
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
                }
                guard let model = try? ONNXModel.load(bytes: bytes, folder: test.path) else { continue }
                _ = ONNXImporter.lint(model)
            }
        }
    }
}
