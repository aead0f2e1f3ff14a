import MartletCore
import MartletIR
@testable import MartletONNX
import TestSupport
import Testing

/// Prepared cases, imported and interpreted.
@Suite(
    "Import: prepared cases",
    .enabled(
        if: Prepared.has("suite"),
        "no prepared cases; set MARTLET_PREPARED to the folder that holds suite/"))
struct ImportSuiteTests {
    /// Reasons for which a case does not count as failed: what is not there yet.
    private static let excused: Set<String> = [
        "onnx.unknown-operator", "onnx.input-type", "onnx.region-result", "onnx.strings", "onnx.dynamic",
    ]

    /// Cases whose recorded values nothing can match, with the reason.
    private static let exceptions: [(names: [String], reason: String)] = [
        (
            [
                "test_bernoulli", "test_bernoulli_double", "test_bernoulli_seed", "test_bernoulli_expanded",
                "test_bernoulli_double_expanded", "test_bernoulli_seed_expanded", "test_training_dropout",
                "test_training_dropout_default", "test_training_dropout_mask", "test_training_dropout_default_mask",
            ], "drawn from another generator"
        ),
        (
            ["test_dft_inverse", "test_dft_inverse_opset19"],
            "the file holds single-precision rounding noise where the value is 0"
        ),
        (["test_attention_4d_causal_fp16_expanded"], "scores rounded to float16 differ by one step"),
    ]

    /// The first disagreement of a case with its recorded outputs.
    private func problem(_ test: CaseFolder) throws -> String? {
        let model = try ONNXModel.load(path: test.modelPath)
        let graph = try ONNXImporter.import(model).graph
        for set in test.dataSets {
            let inputs = try set.inputs(for: model.graph).map { entry -> HostTensor in
                guard case .tensor(let tensor) = entry.value else {
                    throw Diagnostic("onnx.input-type", "input '\(entry.name)' is no tensor")
                }
                return tensor
            }
            let results = try Interpreter(graph).run(inputs)
            for (result, expected) in zip(results, try set.outputs(for: model.graph)) {
                let comparison = OutputComparison(.tensor(result), expected.value, tolerance: test.tolerance)
                if !comparison.passes { return "set \(set.number), '\(expected.name)': \(comparison)" }
            }
        }
        return nil
    }

    @Test func casesOfKnownOperatorsAgree() throws {
        var passed = 0
        for test in try CaseFolder.all(in: Prepared.suite) {
            do {
                let found = try problem(test)
                let isException = Self.exceptions.contains { $0.names.contains(test.name) }
                #expect(found == nil || isException, "\(test.name): \(found ?? "")")
                passed += found == nil ? 1 : 0
            } catch let diagnostic as Diagnostic where Self.excused.contains(diagnostic.code) {
                continue
            } catch {
                Issue.record("\(test.name): \(error)")
            }
        }
        #expect(passed >= 1930)
    }

    @Test(arguments: ["real/magika", "real/silero-vad-16k-op15", "onnx/minilm_l6", "onnx/resnet50"])
    func networksAgree(_ name: String) throws {
        guard Prepared.hasModel(name) else { return }
        let found = try problem(try CaseFolder(path: "\(Prepared.folder)/\(name)"))
        #expect(found == nil, "\(found ?? "")")
    }
}
