import MartletCore
import MartletONNX
import Testing

@Suite("Operators: recurrent layers") struct RecurrentOperatorTests {
    /// A layer of one cell that adds its inputs up: three steps 1, 2, 4.
    private func sums(
        _ lengths: HostTensor? = nil, directions count: Int = 1, _ attributes: AttributeProto...
    ) throws -> [[Double]] {
        let names = Array("Affine".utf8)
        let functions = AttributeProto("activations", .strings(Array(repeating: names, count: count)))
        let node = OperatorCase("RNN", opset: 14, outputs: 2, attributes + [functions])
        let ones = try HostTensor.of(Array(repeating: 1, count: count), [count, 1, 1])
        let x = try HostTensor.of([1, 2, 4], attributes.contains { $0.name == "layout" } ? [1, 3, 1] : [3, 1, 1])
        return try node(
            .data(x), .constant(ones), .constant(ones), .missing, lengths.map { .data($0) } ?? .missing
        ).map { try $0.doubles() }
    }

    @Test func stepsGoBothWays() throws {
        #expect(try sums() == [[1, 3, 7], [7]])
        #expect(try sums(nil, AttributeProto("direction", string: "reverse")) == [[7, 6, 4], [7]])
        #expect(
            try sums(directions: 2, AttributeProto("direction", string: "bidirectional")) == [
                [1, 7, 3, 6, 7, 4], [7, 7],
            ])
        #expect(try sums(nil, AttributeProto("layout", .int(1))) == [[1, 3, 7], [7]])
        #expect(throws: Diagnostic.self) { try sums(nil, AttributeProto("direction", string: "sideways")) }
    }

    @Test func sequencesEnd() throws {
        let two = try HostTensor([Int32(2)], shape: [1])
        #expect(try sums(two) == [[1, 3, 0], [3]])
        #expect(try sums(two, AttributeProto("direction", string: "reverse")) == [[3, 2, 0], [3]])
    }

    @Test func inputsOfFunctionsAreClipped() throws {
        #expect(try sums(nil, AttributeProto("clip", .float(2.5))) == [[1, 2.5, 2.5], [2.5]])
    }

    @Test func resetsStateOrProduct() throws {
        func gru(_ flag: Int64) throws -> [Double] {
            let attributes = [
                AttributeProto("linear_before_reset", .int(flag)), AttributeProto("hidden_size", .int(1)),
                AttributeProto("activations", .strings(["Affine", "Affine"].map { Array($0.utf8) })),
            ]
            let node = OperatorCase("GRU", opset: 14, outputs: 2, attributes)
            // Update 0, reset ½, hidden x + reset · (2h + 3), or 2 · reset · h + 3.
            let w = try HostTensor.of([0, 0, 1], [1, 3, 1]), r = try HostTensor.of([0, 0, 2], [1, 3, 1])
            let bias = try HostTensor.of([0, 0.5, 0, 0, 0, 3], [1, 6])
            let first = try HostTensor.of([4], [1, 1, 1])
            return try node(
                .data(.of([1], [1, 1, 1])), .constant(w), .constant(r), .constant(bias), .missing, .data(first))[1]
                .doubles()
        }
        #expect(try gru(0) == [8])
        #expect(try gru(1) == [6.5])
    }

    @Test func activationsAreCounted() {
        let names = AttributeProto("activations", .strings([Array("Tanh".utf8), Array("Tanh".utf8)]))
        let node = OperatorCase("RNN", opset: 14, outputs: 2, [names])
        let one = try? HostTensor.of([1], [1, 1, 1])
        #expect(throws: Diagnostic.self) {
            guard let one else { return }
            _ = try node(.data(one), .data(one), .data(one))
        }
    }
}
