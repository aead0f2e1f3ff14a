import Foundation
import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Wire: tensors") struct WireTensorTests {
    /// An encoded tensor of the fields that `body` writes.
    private func tensor(
        _ type: ElementType, _ dims: [Int64], _ body: (inout ProtoWriter) -> Void
    ) throws -> TensorProto {
        var writer = ProtoWriter()
        writer.ints(1, dims)
        writer.int(2, Int64(type.onnxCode))
        body(&writer)
        return try TensorProto(bytes: writer.finished())
    }

    @Test func floatsInEveryForm() throws {
        let values: [Float] = [1, -2.5, .infinity]
        let raw = values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
        let forms = [
            try tensor(.float32, [3]) { $0.presentBytes(9, raw) },
            try tensor(.float32, [3]) { $0.presentBytes(4, raw) },
            try tensor(.float32, [3]) { $0.floats(4, values) },
            try tensor(.float32, [3]) {
                $0.presentFloat(4, 1); $0.presentBytes(4, Array(raw[4...]))
            },
        ]
        for form in forms {
            #expect(try form.hostTensor().array(of: Float.self) == values)
            #expect(try TensorProto(bytes: form.bytes).hostTensor().array(of: Float.self) == values)
        }
        let complex = try tensor(.complex64, [1]) { $0.presentBytes(4, Array(raw[..<8])) }
        #expect(try complex.hostTensor().withUnsafeBytes { Array($0) } == Array(raw[..<8]))
    }

    @Test func integersInTypedFields() throws {
        let negative = try tensor(.int16, [2]) { $0.ints(5, [-2, 300]) }
        #expect(try negative.hostTensor().ints() == [-2, 300])
        let long = try tensor(.int64, [2]) { $0.ints(7, [.min, 5]) }
        #expect(try long.hostTensor().ints() == [.min, 5])
        let unsigned = try tensor(.uint32, [1]) { $0.ints(11, [0xffff_ffff]) }
        #expect(try unsigned.hostTensor().ints() == [0xffff_ffff])
        let bool = try tensor(.bool, [3]) { $0.ints(5, [0, 1, 2]) }
        #expect(try bool.hostTensor().withUnsafeBytes { Array($0) } == [0, 1, 1])
        let half = try tensor(.float16, [1]) { $0.ints(5, [0x3c00]) }
        #expect(try half.hostTensor().doubles() == [1])
        let nibbles = try tensor(.int4, [3]) { $0.ints(5, [0x21, 0x0f]) }
        #expect(try nibbles.hostTensor().ints() == [1, 2, -1])
        let double = try tensor(.float64, [1]) { $0.presentBytes(10, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]) }
        #expect(try double.hostTensor().doubles() == [1])
    }

    @Test func sixBitCodesOneAnEntry() throws {
        for count in 0...9 {
            let codes = (0..<count).map { Int64(($0 * 7 + 1) % 64) }
            let typed = try tensor(.float6e3m2, [Int64(count)]) { $0.ints(5, codes) }.hostTensor()
            #expect((0..<count).map { Int64(typed.elementBits(at: $0)) } == codes)
        }
    }

    @Test func boolBytesBecomeZeroOrOne() throws {
        let raw = try tensor(.bool, [3]) { $0.presentBytes(9, [0, 1, 0x80]) }
        #expect(try raw.hostTensor().withUnsafeBytes { Array($0) } == [0, 1, 1])
    }

    @Test func rawBytesStayInPlace() throws {
        // Behind dims, type and the tag, at an offset that is a multiple of four.
        let proto = try tensor(.float32, [1]) {
            $0.presentText(8, "ab"); $0.presentBytes(9, [0, 0, 0x80, 0x3f])
        }
        guard case .raw(let slice) = proto.payload else { Issue.record("not raw"); return }
        let tensor = try proto.hostTensor()
        #expect(slice.offset % 4 == 2)
        #expect(tensor.storage !== slice.source.storage, "misaligned bytes are copied")
        let aligned = try self.tensor(.float32, [1]) {
            $0.presentText(8, "abcd")
            $0.presentBytes(9, [0, 0, 0x80, 0x3f])
        }
        guard case .raw(let place) = aligned.payload else { Issue.record("not raw"); return }
        #expect(try aligned.hostTensor().storage === place.source.storage)
        #expect(try tensor.doubles() == [1])
    }

    @Test func wrongTensorsAreRefused() throws {
        let many: [Int64] = [1 << 40, 1 << 40]
        #expect(errorCode { _ = try tensor(.float32, many) { _ in }.hostTensor() } == "core.shape")
        #expect(errorCode { _ = try tensor(.float32, [-1]) { _ in }.hostTensor() } == "core.shape")
        #expect(errorCode { _ = try tensor(.float32, [1 << 40]) { _ in }.hostTensor() } == "onnx.tensor-size")
        #expect(
            errorCode { _ = try tensor(.float32, [2]) { $0.presentBytes(9, [1, 2, 3, 4]) }.hostTensor() }
                == "onnx.tensor-size")
        #expect(errorCode { _ = try tensor(.int32, [1 << 40]) { $0.ints(5, [1]) }.hostTensor() } == "onnx.tensor-size")
        #expect(errorCode { _ = try tensor(.float32, [1]) { $0.ints(5, [1]) }.hostTensor() } == "onnx.tensor-field")
        #expect(
            errorCode {
                _ = try tensor(.float32, [1]) {
                    $0.floats(4, [1]); $0.presentBytes(9, [1])
                }
            } == "wire.tensor")
        #expect(
            errorCode { _ = try tensor(.string, [1]) { $0.presentBytes(9, [1]) }.hostTensor() } == "onnx.tensor-field")
        #expect(errorCode { _ = try tensor(.string, [2]) { $0.texts(6, ["a"]) }.hostTensor() } == "onnx.tensor-size")
        #expect(errorCode { _ = try tensor(.string, [1]) { $0.presentBytes(6, [0xff]) }.hostTensor() } == "wire.text")
        #expect(errorCode { _ = try TensorProto().hostTensor() } == "onnx.element-type")
    }

    @Test func emptyTensors() throws {
        for type in ElementType.allCases {
            #expect(try tensor(type, [0, 3]) { _ in }.hostTensor().count == 0)
            #expect(try tensor(type, [0]) { $0.presentBytes(9, []) }.hostTensor().shape == [0])
        }
    }

    @Test("Tensors of every type come back", arguments: ElementType.allCases)
    func roundTrip(type: ElementType) throws {
        for count in 0..<10 {
            let tensor: HostTensor
            if type == .string {
                tensor = try HostTensor(strings: (0..<count).map { "s\($0)é" }, shape: [count])
            } else {
                tensor = try HostTensor.make(type, shape: [count]) { bytes in
                    for index in bytes.indices {
                        bytes[index] = type == .bool ? UInt8(index & 1) : UInt8(index * 37 % 251)
                    }
                }
            }
            let read = try TensorProto(bytes: TensorProto(tensor, name: "t").bytes)
            #expect(read.name == "t")
            #expect(try read.hostTensor().isIdentical(to: tensor))
        }
    }

    @Test func valuesOfEveryKind() throws {
        let tensor = WireValue.tensor(try HostTensor([1, 2] as [Float], shape: [2]))
        let tensorType = TypeProto(tensor: .float32, shape: nil)
        let sparse = SparseHostTensor(
            values: try HostTensor([5] as [Float], shape: [1]), indices: try HostTensor([3] as [Int64], shape: [1]),
            shape: [2, 2])
        let values: [(WireValue, TypeProto.Value)] = [
            (tensor, tensorType.value!),
            (.sequence([tensor, tensor]), .sequence(tensorType)),
            (.sequence([]), .sequence(tensorType)),
            (.optional(nil), .optional(tensorType)),
            (.optional(tensor), .optional(tensorType)),
            (.optional(.sequence([tensor])), .optional(TypeProto(.sequence(tensorType)))),
            (.sequence([.optional(nil), .optional(tensor)]), .sequence(TypeProto(.optional(tensorType)))),
            (
                .map(WireMap(keys: .integers([4, -1], .int64), values: [tensor, tensor])),
                .map(keyType: 7, value: tensorType)
            ),
            (.map(WireMap(keys: .strings(["a"]), values: [tensor])), .map(keyType: 8, value: tensorType)),
            (.sparse(sparse), .sparseTensor(elementType: 1, shape: nil)),
        ]
        for (value, type) in values {
            let source = try WireSource(copying: try value.encoded(name: "x"))
            let read = try WireValue(decoding: source.all, type: TypeProto(type))
            #expect(OutputComparison(read, value).passes, "\(value.kindName)")
        }
        #expect(errorCode { _ = try WireValue.sequence([tensor, .sequence([])]).encoded() } == "onnx.sequence")
    }
}
