import Foundation
import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

/// Damaged models give an error or some model: never a trap, a hang or memory out of proportion to the file.
@Suite(
    "Wire: damaged files", .serialized,
    .enabled(
        if: Prepared.has("suite"),
        "no prepared cases; set MARTLET_PREPARED to the folder that holds suite/"))
struct WireFuzzTests {
    private static let names = [
        "node/test_if_seq", "node/test_if_opt", "node/test_loop13_seq", "node/test_loop16_seq_none",
        "node/test_scan_sum",
        "node/test_cast_FLOAT_to_INT4", "node/test_cast_FLOAT_to_FLOAT8E4M3FN", "node/test_dequantizelinear_uint2",
        "node/test_identity_opt", "node/test_optional_has_element_optional_input", "node/test_sequence_insert_at_back",
        "node/test_ai_onnx_ml_tree_ensemble_single_tree", "node/test_ai_onnx_ml_label_encoder_string_int",
        "node/test_string_concat", "node/test_constant", "node/test_attention_4d_expanded",
        "simple/test_sequence_model1",
        "simple/test_gradient_of_add", "pytorch-operator/test_operator_conv", "pytorch-converted/test_Conv2d",
        "real/test_squeezenet",
    ]

    private static func files() -> [String] {
        names.filter { Prepared.has("suite/\($0)") }.map { "\(Prepared.suite)/\($0)" }
    }

    /// Reads a model, decodes its tensors and writes it again; errors are fine.
    private func exercise(_ bytes: [UInt8]) {
        guard var model = try? ONNXModel.load(bytes: bytes, folder: "/nonexistent") else { return }
        // Nothing that is kept is much larger than the file: at worst an integer of one byte becomes eight.
        model.proto.forEachTensor { tensor, _ in
            guard let decoded = try? tensor.hostTensor() else { return }
            #expect(decoded.byteCount <= 8 * bytes.count)
        }
        let again = model.proto.encoded()
        #expect(again.count <= 4 * bytes.count + 64)
        #expect((try? ModelProto(bytes: again))?.encoded() == again)
    }

    @Test func enoughModels() {
        #expect(Self.files().count >= 20)
    }

    @Test(arguments: files()) func cutShort(folder: String) throws {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/model.onnx")))
        for end in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 300)) { exercise(Array(bytes[..<end])) }
    }

    @Test(arguments: files()) func bitsFlipped(folder: String) throws {
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/model.onnx")))
        var random = SplitMix64(seed: UInt64(bytes.count))
        for _ in 0..<400 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // Structure is at the front more often than values are.
                let limit = Bool.random(using: &random) ? bytes.count : min(bytes.count, 2000)
                let position = Int.random(in: 0..<limit, using: &random)
                if Bool.random(using: &random) {
                    damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                } else {
                    damaged[position] = [0, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
                }
            }
            exercise(damaged)
        }
    }

    @Test func dataFilesDamaged() throws {
        var random = SplitMix64(seed: 1)
        for folder in Self.files() {
            let test = try CaseFolder(path: folder)
            let graph = try ONNXModel.load(path: test.modelPath).graph
            for set in test.dataSets {
                for (file, declared) in zip(set.inputFiles + set.outputFiles, graph.dataInputs + graph.outputs) {
                    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: file.path)))
                    for _ in 0..<min(200, bytes.count) {
                        var damaged = bytes
                        let position = Int.random(in: 0..<min(bytes.count, 200), using: &random)
                        damaged[position] = UInt8.random(in: 0...255, using: &random)
                        let source = try WireSource(copying: damaged)
                        _ = try? WireValue(decoding: source.all, type: declared.type)
                    }
                }
            }
        }
    }

    @Test func memoryIsInProportion() throws {
        // Lengths and shapes that promise much and hold nothing.
        var writer = ProtoWriter()
        writer.ints(1, [1 << 33])
        writer.int(2, 1)
        writer.presentBytes(4, [0, 0, 0, 0])
        let tensor = try TensorProto(bytes: writer.finished())
        #expect(throws: Diagnostic.self) { try tensor.hostTensor() }
        var ints = ProtoWriter()
        ints.presentBytes(8, [UInt8](repeating: 1, count: 1 << 20))
        guard case .ints(let values) = try AttributeProto(bytes: ints.finished()).value else {
            Issue.record("not ints")
            return
        }
        #expect(values.count == 1 << 20)
        #expect(values.capacity < values.count + 1024)
    }
}
