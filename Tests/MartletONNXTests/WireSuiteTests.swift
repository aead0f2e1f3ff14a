import Foundation
import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

/// ONNX's own cases and whatever else is prepared: all is read, and written so that ONNX reads the same.
@Suite(
    "Wire: prepared cases",
    .enabled(
        if: Prepared.has("suite"),
        "no prepared cases; set MARTLET_PREPARED to the folder that holds suite/"))
struct WireSuiteTests {
    @Test func everyTensorIsDecoded() throws {
        var tensors = 0
        for test in try Prepared.cases() {
            var model = try ONNXModel.load(path: test.modelPath)
            let files = model.externalData
            try model.proto.forEachTensor { tensor, _ in
                tensors += 1
                let decoded = try tensor.hostTensor(externalData: files)
                let again = TensorProto(decoded, name: tensor.name)
                #expect(try again.hostTensor().isIdentical(to: decoded), "\(test.name): \(tensor.name)")
            }
        }
        #expect(tensors > 5000)
    }

    @Test func modelsComeBackByteForByte() throws {
        let cases = try Prepared.cases()
        #expect(cases.count { $0.path.hasPrefix(Prepared.suite) } == 2033)
        for test in cases {
            let model = try ONNXModel.load(path: test.modelPath)
            let bytes = model.proto.encoded()
            #expect(try ModelProto(bytes: bytes).encoded() == bytes, "\(test.name)")
        }
    }

    @Test func everyDataSetIsRead() throws {
        var files = 0
        for test in try Prepared.cases() {
            let graph = try ONNXModel.load(path: test.modelPath).graph
            #expect(!test.dataSets.isEmpty)
            for set in test.dataSets {
                let inputs = try set.inputs(for: graph)
                let outputs = try set.outputs(for: graph)
                #expect(outputs.count == graph.outputs.count, "\(test.name)")
                for entry in inputs + outputs {
                    files += 1
                    let type = (graph.inputs + graph.outputs).first { $0.name == entry.name }?.type
                    let source = try WireSource(copying: try entry.value.encoded())
                    let again = try WireValue(decoding: source.all, type: type)
                    let comparison = OutputComparison(again, entry.value, tolerance: Tolerance(rtol: 0, atol: 0))
                    #expect(comparison.passes, "\(test.name) \(entry.name): \(comparison)")
                }
            }
        }
        #expect(files > 5000)
    }

    @Test(.enabled(if: Prepared.has("venv/bin/python"), "no Python environment prepared"))
    func onnxReadsTheSame() throws {
        let folder = try TestFolder()
        var list = ""
        for (number, test) in try Prepared.cases().enumerated() {
            let model = try ONNXModel.load(path: test.modelPath)
            let path = try folder.write(model.proto.encoded(), to: "\(number).onnx")
            list += "model \(test.modelPath) \(path)\n"
            guard let set = test.dataSets.first else { continue }
            let files = set.inputFiles.map(\.path) + set.outputFiles.map(\.path)
            let entries = try set.inputs(for: model.graph) + set.outputs(for: model.graph)
            for (file, entry) in zip(files, entries) {
                let name = "\(number)-\((file as NSString).lastPathComponent)"
                let copy = try folder.write(try entry.value.encoded(), to: name)
                list += "\(entry.value.kindName.split(separator: " ").last ?? "") \(file) \(copy)\n"
            }
        }
        let listPath = try folder.write(Array(list.utf8), to: "list.txt")
        let script = try folder.write(Array(comparisonScript.utf8), to: "compare.py")
        let output = try Shell.check("'\(Prepared.python)' '\(script)' '\(listPath)'")
        #expect(output.hasSuffix("\(list.split(separator: "\n").count) equal\n"), "\(output.suffix(3000))")
    }
}

/// Compares messages field by field, where presence counts for messages only, and data files by value.
private let comparisonScript = """
    import struct, sys
    import numpy as np
    import onnx
    from onnx import numpy_helper

    SKIPPED = {("NodeProto", "device_configurations"), ("ModelProto", "configuration")}

    def scalar(value):
        return struct.pack("<d", value) if isinstance(value, float) else value

    def same(a, b, where):
        for field in a.DESCRIPTOR.fields:
            if (a.DESCRIPTOR.name, field.name) in SKIPPED:
                continue
            x, y, here = getattr(a, field.name), getattr(b, field.name), where + "." + field.name
            repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
            if repeated and field.message_type is None:
                assert len(x) == len(y) and all(scalar(p) == scalar(q) for p, q in zip(x, y)), here
            elif repeated:
                assert len(x) == len(y), here
                for k, (p, q) in enumerate(zip(x, y)):
                    same(p, q, f"{here}[{k}]")
            elif field.message_type is not None:
                assert a.HasField(field.name) == b.HasField(field.name), here
                if a.HasField(field.name):
                    same(x, y, here)
            else:
                if field.containing_oneof is not None:
                    assert a.HasField(field.name) == b.HasField(field.name), here
                if field.name == "type" and a.DESCRIPTOR.name == "AttributeProto" and x == 0:
                    continue
                assert scalar(x) == scalar(y), here

    def array(a, b, where):
        assert a.dtype == b.dtype and a.shape == b.shape, where
        equal = (a == b).all() if a.dtype == object else a.tobytes() == b.tobytes()
        assert equal, where

    def values(a, b, where):
        if a is None or b is None:
            assert a is None and b is None, where
        elif isinstance(a, list):
            assert len(a) == len(b), where
            for p, q in zip(a, b):
                values(p, q, where)
        else:
            array(np.asarray(a), np.asarray(b), where)

    KINDS = {"tensor": (onnx.TensorProto, numpy_helper.to_array), "sequence": (onnx.SequenceProto, numpy_helper.to_list),
             "optional": (onnx.OptionalProto, numpy_helper.to_optional)}
    count = 0
    for line in open(sys.argv[1]):
        kind, original, copy = line.split()
        if kind == "model":
            load = lambda path: onnx.load(path, load_external_data=False)
            same(load(original), load(copy), original)
        else:
            message, decode = KINDS[kind]
            parse = lambda path: decode(message.FromString(open(path, "rb").read()))
            values(parse(original), parse(copy), original)
        count += 1
    print(count, "equal")
    """
