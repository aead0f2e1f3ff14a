import Foundation
import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Wire: files of weights") struct WireExternalDataTests {
    private func model(_ location: String, offset: String? = nil, length: String? = nil, dims: [Int64] = [2])
        -> ModelProto
    {
        var tensor = TensorProto()
        tensor.name = "w"
        tensor.dimensions = dims
        tensor.dataType = ElementType.float32.onnxCode
        tensor.payload = .external
        tensor.externalData = [StringStringEntryProto(key: "location", value: location)]
        if let offset { tensor.externalData.append(StringStringEntryProto(key: "offset", value: offset)) }
        if let length { tensor.externalData.append(StringStringEntryProto(key: "length", value: length)) }
        tensor.externalData.append(StringStringEntryProto(key: "checksum", value: "0"))
        var model = ModelProto()
        model.irVersion = 8
        model.graph = GraphProto()
        model.graph?.initializers = [tensor]
        return model
    }

    private func values(_ model: ModelProto, _ folder: TestFolder) throws -> [Double] {
        let path = try folder.write(model.encoded(), to: "model.onnx")
        let loaded = try ONNXModel.load(path: path)
        return try loaded.hostTensor(loaded.graph.initializers[0]).doubles()
    }

    @Test func placesInAFile() throws {
        let folder = try TestFolder()
        let floats: [Float] = [0, 1, 2, 3]
        try folder.write(floats.withUnsafeBytes { Array($0) }, to: "w.bin")
        #expect(try values(model("w.bin"), folder) == [0, 1])
        #expect(try values(model("./w.bin", offset: "4", length: "8"), folder) == [1, 2])
        #expect(try values(model("w.bin", offset: "8"), folder) == [2, 3])
        #expect(try values(model("w.bin", offset: "16", dims: [0]), folder) == [])
        let bad = "onnx.external-data"
        for wrong in [
            model("w.bin", offset: "12"), model("w.bin", offset: "9223372036854775807"), model("w.bin", offset: "-4"),
            model("w.bin", offset: "x"), model("w.bin", length: "4"), model("w.bin", dims: [1 << 60]),
            model("none.bin"), model(""), model("."), model(".."),
        ] {
            let found = errorCode { _ = try values(wrong, folder) }
            #expect(found == bad || found == "core.shape", "\(wrong.graph?.initializers[0].externalData ?? [])")
        }
    }

    @Test func nothingOutsideTheFolder() throws {
        let outer = try TestFolder()
        let secret = try outer.write([UInt8](repeating: 0, count: 16), to: "secret.bin")
        let folder = try TestFolder()
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: "\(folder.path)/link.bin", withDestinationPath: secret)
        try manager.createSymbolicLink(atPath: "\(folder.path)/out", withDestinationPath: outer.path)
        try folder.write([UInt8](repeating: 0, count: 8), to: "in.bin")
        try manager.createSymbolicLink(atPath: "\(folder.path)/inner.bin", withDestinationPath: "in.bin")
        let name = outer.path.split(separator: "/").last.map(String.init) ?? ""
        for location in [
            secret, "../\(name)/secret.bin", "link.bin", "out/secret.bin", "x/../../\(name)/secret.bin",
            "w\0.bin",
        ] {
            #expect(errorCode { _ = try values(model(location), folder) } == "onnx.external-data", "\(location)")
        }
        #expect(try values(model("inner.bin"), folder) == [0, 0])
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        #expect(errorCode { _ = try values(model("pipe"), folder) } == "onnx.external-data")
    }

    @Test func bytesWithoutFolderHaveNoFiles() throws {
        let loaded = try ONNXModel.load(bytes: model("w.bin").encoded())
        #expect(errorCode { _ = try loaded.hostTensor(loaded.graph.initializers[0]) } == "onnx.external-data")
        #expect(errorCode { _ = try loaded.encoded() } == "onnx.external-data")
    }

    @Test func writingMovesWeightsOutAndIn() throws {
        let folder = try TestFolder()
        let large = try HostTensor((0..<1000).map(Float.init), shape: [10, 100])
        let small = try HostTensor([1, 2] as [Int64], shape: [2])
        var proto = ModelProto()
        proto.irVersion = 8
        proto.graph = GraphProto()
        proto.graph?.initializers = [
            TensorProto(small, name: "s"), TensorProto(large, name: "l"), TensorProto(large, name: "m"),
        ]
        let path = "\(folder.path)/out.onnx"
        try ONNXModel(proto).write(to: path, externalDataAbove: 100)
        let model = try ONNXModel.load(path: path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count < 400)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".data")).count == 4032 + 4000)
        for (tensor, expected) in zip(model.graph.initializers, [small, large, large]) {
            #expect(try model.hostTensor(tensor).isIdentical(to: expected))
        }
        // Written over itself, from the mapping of the file that is replaced.
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        try model.write(to: path, externalDataAbove: 100)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        try model.write(to: "\(folder.path)/inline.onnx")
        let inline = try ONNXModel.load(path: "\(folder.path)/inline.onnx")
        #expect(inline.proto.encoded() == proto.encoded())
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                == ["inline.onnx", "out.onnx", "out.onnx.data"])
    }
}
