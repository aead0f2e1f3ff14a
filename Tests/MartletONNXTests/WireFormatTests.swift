import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Wire: protobuf reader and writer") struct WireFormatTests {
    private func reader(_ bytes: [UInt8]) throws -> ProtoReader {
        try ProtoReader(try WireSource(copying: bytes, path: "x.onnx").all)
    }

    @Test("Integers of every length come back", arguments: 0..<64)
    func varintRoundTrip(bit: Int) throws {
        for value in [UInt64(1) << UInt64(bit), (1 << UInt64(bit)) - 1, .max >> UInt64(bit)] {
            var writer = ProtoWriter()
            writer.varint(value)
            let bytes = writer.finished()
            #expect(bytes.count == ProtoWriter.varintSize(Int(bitPattern: UInt(value))) || value > Int.max)
            var reader = try reader(bytes)
            #expect(try reader.varint() == value)
            #expect(reader.isAtEnd)
            if bytes.count > 1 {
                var cut = try self.reader(Array(bytes.dropLast()))
                #expect(throws: Diagnostic.self) { try cut.varint() }
            }
        }
    }

    @Test func longIntegersAreRefused() throws {
        let continued = [UInt8](repeating: 0x80, count: 9)
        var largest = try reader([UInt8](repeating: 0xff, count: 9) + [1])
        #expect(try largest.varint() == .max)
        var tooLarge = try reader([UInt8](repeating: 0xff, count: 9) + [2])
        #expect(errorCode { _ = try tooLarge.varint() } == "wire.varint")
        var tooLong = try reader(continued + [0x80, 0])
        #expect(errorCode { _ = try tooLong.varint() } == "wire.varint")
        var padded = try reader([0x81, 0x80, 0])
        #expect(try padded.varint() == 1)
    }

    @Test(
        "Malformed messages are refused",
        arguments: [
            ("wire.tag", [0x00, 0x01]),  // field 0
            ("wire.tag", [0x0e, 0x01]),  // wire type 6
            ("wire.tag", [0xf8, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01]),  // field beyond 2^29
            ("wire.group", [0x0b, 0x0c]),
            ("wire.varint", [0x08]),
            ("wire.length", [0x12, 0x05, 0x41]),
            ("wire.length", [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            ("wire.truncated", [0x9d, 0x06, 0, 0, 0]),  // fixed32, unknown field 99
            ("wire.type", [0x0a, 0x01, 0x41]),  // ir_version as text
            ("wire.text", [0x3a, 0x03, 0x12, 0x01, 0xff]),  // graph's name
            ("wire.repeated", [0x3a, 0x00, 0x3a, 0x00]),  // two graphs
        ] as [(String, [UInt8])])
    func malformed(_ expected: String, _ bytes: [UInt8]) {
        #expect(errorCode { _ = try ModelProto(bytes: bytes) } == expected)
    }

    @Test func unknownFieldsAreSkipped() throws {
        let unknown: [UInt8] = [
            0x98, 0x06, 0x96, 0x01,  // 99: varint
            0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8,  // fixed64
            0x9a, 0x06, 2, 0xff, 0xff,  // bytes
            0x9d, 0x06, 1, 2, 3, 4,  // fixed32
        ]
        let model = try ModelProto(bytes: unknown + [0x08, 0x0a] + unknown)
        #expect(model.irVersion == 10)
    }

    @Test func errorsNameTheByte() throws {
        let source = try WireSource(copying: [0x08, 0x0a, 0x12, 0x7f], path: "m.onnx")
        do {
            _ = try ModelProto(slice: source.all)
            Issue.record("no error")
        } catch let error as Diagnostic {
            #expect(error.place == .file(path: "m.onnx", offset: 3))
        }
    }

    @Test func repeatedScalarsArePackedOrNot() throws {
        var packed = ProtoWriter()
        packed.presentText(1, "a")
        packed.presentBytes(8, [1, 0x96, 0x01])
        packed.presentInt(8, -1)
        packed.presentBytes(8, [7])
        packed.presentInt(20, 7)
        let attribute = try AttributeProto(bytes: packed.finished())
        guard case .ints(let values) = attribute.value else { Issue.record("not ints"); return }
        #expect(values == [1, 150, -1, 7])
    }

    @Test func depthIsLimited() throws {
        var type = TypeProto(tensor: .float32, shape: nil)
        for _ in 0..<49 { type = TypeProto(.sequence(type)) }
        #expect(try TypeProto(bytes: type.bytes) == type)
        for _ in 0..<100 { type = TypeProto(.optional(type)) }
        #expect(errorCode { _ = try TypeProto(bytes: type.bytes) } == "wire.depth")
    }

    @Test func aBombOfGraphsIsRefused() throws {
        // Attribute in node in graph in attribute …, each a message within the one before.
        var bytes: [UInt8] = []
        for level in 0..<3000 {
            let tag: UInt8 = [0x32, 0x2a, 0x0a][level % 3]
            var writer = ProtoWriter()
            writer.varint(UInt64(bytes.count))
            bytes = [tag] + writer.finished() + bytes
        }
        #expect(errorCode { _ = try GraphProto(bytes: bytes) } == "wire.depth")
    }

    @Test func lengthsOfNestedMessagesAreRight() throws {
        for size in [0, 1, 100, 120, 126, 127, 128, 129, 4095, 4096, 16383, 16384, 20000] {
            var node = NodeProto("Op", inputs: ["a", ""], outputs: ["b"])
            node.attributes = [AttributeProto("s", .string([UInt8](repeating: 65, count: size)))]
            var inner = GraphProto()
            inner.nodes = [node]
            var outer = GraphProto()
            outer.nodes = [NodeProto("If", inputs: [], outputs: [], attributes: [AttributeProto("g", .graph(inner))])]
            let tensor = try HostTensor([UInt8](repeating: 7, count: size), shape: [size])
            outer.initializers = [TensorProto(tensor, name: "w")]
            let read = try GraphProto(bytes: outer.bytes)
            #expect(read.bytes == outer.bytes)
            #expect(try read.initializers[0].hostTensor().isIdentical(to: tensor))
        }
    }

    @Test func attributeKindsAreChecked() throws {
        var writer = ProtoWriter()
        writer.presentInt(3, 5)
        #expect(try AttributeProto(bytes: writer.finished()).kind == .int)
        var clash = writer
        clash.presentInt(20, 1)
        #expect(errorCode { _ = try AttributeProto(bytes: clash.finished()) } == "wire.attribute")
        var double = writer
        double.presentFloat(2, 1)
        #expect(errorCode { _ = try AttributeProto(bytes: double.finished()) } == "wire.attribute")
        var empty = ProtoWriter()
        empty.presentInt(20, 7)
        guard case .ints(let values) = try AttributeProto(bytes: empty.finished()).value else {
            Issue.record("not ints")
            return
        }
        #expect(values.isEmpty)
    }
}
