import MartletCore
import MartletONNX
import Testing

@Suite("Operators: com.microsoft") struct MicrosoftOperatorTests {
    private func node(_ type: String, outputs: Int = 1, _ attributes: AttributeProto...) -> OperatorCase {
        OperatorCase(type, domain: "com.microsoft", opset: 1, outputs: outputs, attributes)
    }

    @Test func unpacksBlocks() throws {
        let attributes = [
            AttributeProto("K", .int(4)), AttributeProto("N", .int(1)), AttributeProto("bits", .int(4)),
            AttributeProto("block_size", .int(2)),
        ]
        let product = OperatorCase("MatMulNBits", domain: "com.microsoft", opset: 1, attributes)
        let x = try HostTensor.of([1, 10, 100, 1000], [1, 4])
        // 9, 10 and 11, 12: less 8 they are 1, 2 and 3, 4.
        let bytes = try HostTensor.of([0xA9, 0xCB], [1, 2, 1], .uint8)
        #expect(
            try product(.data(x), .constant(bytes), .constant(.of([1, 0.5])))[0].doubles() == [1 + 20 + 150 + 2000])
        let points = try HostTensor.of([0xB9], nil, .uint8)
        #expect(
            try product(.data(x), .constant(bytes), .constant(.of([1, 0.5])), .constant(points))[0].doubles() == [
                10 + 500
            ])
        #expect(node("MatMulNBits").failure([1]) == "onnx.attribute")
    }

    @Test func productsOfTransposedOperands() throws {
        let a = try HostTensor.of([1, 2, 3, 4], [2, 2]), b = try HostTensor.of([1, 0, 0, 2], [2, 2])
        let product = node("FusedMatMul", AttributeProto("transA", .int(1)), AttributeProto("alpha", .float(2)))
        #expect(try product(.data(a), .data(b))[0].doubles() == [2, 12, 4, 16])
    }

    @Test func skipNormalisationsGiveTheSum() throws {
        let (x, ones) = (try HostTensor.of([1, 3], [1, 1, 2]), try HostTensor.of([1, 1]))
        let results = try node("SkipLayerNormalization", outputs: 4)(.data(x), .data(x), .constant(ones))
        #expect(agree(try results[0].doubles(), [-1, 1]))
        #expect(try results[3].doubles() == [2, 6])
    }
}
