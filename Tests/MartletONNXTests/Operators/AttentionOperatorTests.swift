import MartletCore
import MartletONNX
import Testing

@Suite("Operators: attention") struct AttentionOperatorTests {
    /// Two queries of 0, so that keys count alike, and values 1, 2, 4.
    private func attend(
        opset: Int64 = 25, mask: HostTensor? = nil, counts: HostTensor? = nil, isOpen: Bool = false,
        _ attributes: (String, Int64)...
    ) throws -> [Double] {
        var node = OperatorCase("Attention", opset: opset, attributes.map { AttributeProto($0.0, .int($0.1)) })
        node.hasOpenSizes = isOpen
        let (query, key) = (
            try HostTensor(zeros: .float32, shape: [1, 1, 2, 2]), try HostTensor(zeros: .float32, shape: [1, 1, 3, 2])
        )
        let value = try HostTensor.of([1, 2, 4], [1, 1, 3, 1])
        return try node(
            .data(query), .data(key), .data(value), mask.map { .data($0) } ?? .missing, .missing, .missing,
            counts.map { .data($0) } ?? .missing)[0].doubles()
    }

    @Test func positionsHideKeys() throws {
        #expect(agree(try attend(), [7 / 3, 7 / 3]))
        #expect(agree(try attend(("is_causal", 1)), [1, 1.5]))
        #expect(agree(try attend(("left_window_size", 0), ("right_window_size", 1)), [1.5, 3]))
        #expect(agree(try attend(isOpen: true, ("is_causal", 1)), [1, 1.5]))
        // Positions count from the end of the keys that there are.
        let counts = try HostTensor.of(integers: 3)
        #expect(agree(try attend(counts: counts, ("is_causal", 1)), [1.5, 7 / 3]))
        #expect(agree(try attend(counts: .of(integers: 1), ("is_causal", 1)), [0, 1]))
        #expect(throws: Diagnostic.self) { try attend(("left_window_size", -2)) }
    }

    @Test func masksHideKeysOrAdd() throws {
        let mask = try HostTensor([true, false, true, false, false, false], shape: [2, 3])
        #expect(agree(try attend(mask: mask), [2.5, 0]))
        let added = try HostTensor.of([0, -.infinity, 0])
        #expect(agree(try attend(mask: added), [2.5, 2.5]))
        // From version 24 on a mask may lack the last keys.
        let short = try HostTensor([true, true], shape: [1, 2])
        #expect(agree(try attend(opset: 24, mask: short), [1.5, 1.5]))
        #expect(throws: Diagnostic.self) { try attend(opset: 23, mask: short) }
    }

    @Test func flatOperandsNeedHeads() throws {
        let node = OperatorCase("Attention", opset: 23)
        let x = OperatorCase.Input.data(try HostTensor(zeros: .float32, shape: [1, 2, 4]))
        #expect(throws: Diagnostic.self) { try node(x, x, x) }
        var heads = node
        heads.attributes = [AttributeProto("q_num_heads", .int(3)), AttributeProto("kv_num_heads", .int(1))]
        #expect(throws: Diagnostic.self) { try heads(x, x, x) }
        heads.attributes[0] = AttributeProto("q_num_heads", .int(4))
        heads.attributes[1] = AttributeProto("kv_num_heads", .int(4))
        #expect(try heads(x, x, x)[0].shape == [1, 2, 4])
    }

    @Test func rotatesPairs() throws {
        let x = OperatorCase.Input.data(try HostTensor.of([1, 2, 3, 4], [1, 1, 1, 4]))
        // A quarter turn for position 1.
        let cosine = try HostTensor.of([1, 1, 0, 0], [2, 2]), sine = try HostTensor.of([0, 0, 1, 1], [2, 2])
        let place = OperatorCase.Input.data(try HostTensor([1].map { Int64($0) }, shape: [1, 1]))
        let halves = OperatorCase("RotaryEmbedding")
        #expect(try halves(x, .data(cosine), .data(sine), place)[0].doubles() == [-3, -4, 1, 2])
        let pairs = OperatorCase("RotaryEmbedding", [AttributeProto("interleaved", .int(1))])
        #expect(try pairs(x, .data(cosine), .data(sine), place)[0].doubles() == [-2, 1, -4, 3])
        #expect(throws: Diagnostic.self) {
            try halves(x, .data(cosine), .data(sine), .data(HostTensor([Int64(2)], shape: [1, 1])))
        }
        #expect(
            OperatorCase("RotaryEmbedding", [AttributeProto("rotary_embedding_dim", .int(3))]).failure(
                [1, 2, 3, 4], shape: [1, 1, 1, 4]) == "onnx.attribute")
    }

    @Test func linearAttentionRemembers() throws {
        func attend(_ rule: String, _ more: OperatorCase.Input...) throws -> [Double] {
            let attributes = [
                AttributeProto("q_num_heads", .int(1)), AttributeProto("kv_num_heads", .int(1)),
                AttributeProto("update_rule", string: rule), AttributeProto("scale", .float(1)),
            ]
            let node = OperatorCase("LinearAttention", opset: 27, outputs: 2, attributes)
            let ones = OperatorCase.Input.data(try HostTensor.of([1, 1], [1, 2, 1]))
            let value = OperatorCase.Input.data(try HostTensor.of([3, 5], [1, 2, 1]))
            let zero = OperatorCase.Input.data(try HostTensor.of([0, -.infinity], [1, 2, 1]))
            let half = OperatorCase.Input.data(try HostTensor.of([0.5, 0.5], [1, 2, 1]))
            switch rule {
            case "gated": return try node(ones, ones, value, .missing, zero)[0].doubles()
            case "delta": return try node(ones, ones, value, .missing, .missing, half)[0].doubles()
            default: return try node(ones, ones, value)[0].doubles()
            }
        }
        #expect(try attend("linear") == [3, 8])
        #expect(try attend("gated") == [3, 5])
        #expect(try attend("delta") == [1.5, 3.25])
        #expect(throws: Diagnostic.self) { try attend("gated_delta") }
        #expect(throws: Diagnostic.self) { try attend("other") }
    }
}
