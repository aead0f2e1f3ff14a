import MartletCore
import MartletIR
@testable import MartletONNX
import Testing

@Suite("Operators: scan") struct ScanOperatorTests {
    /// Running sums, and each sum doubled.
    private var body: AttributeProto {
        AttributeProto(
            "body",
            subgraph(
                inputs: ["s", "a"], outputs: ["t", "d"],
                [
                    NodeProto("Add", inputs: ["s", "a"], outputs: ["t"]),
                    NodeProto("Add", inputs: ["t", "t"], outputs: ["d"]),
                ]))
    }

    @Test func axesAndDirections() throws {
        let node = OperatorCase(
            "Scan", outputs: 2,
            [
                body, AttributeProto("num_scan_inputs", .int(1)), AttributeProto("scan_input_axes", .ints([-1])),
                AttributeProto("scan_input_directions", .ints([1])), AttributeProto("scan_output_axes", .ints([1])),
                AttributeProto("scan_output_directions", .ints([1])),
            ])
        let results = try node(.data(.of([0, 10])), .data(.of([1, 2, 3, 4, 5, 6], [2, 3])))
        #expect(try results[0].doubles() == [6, 25])
        #expect(try results[1].shape == [2, 3] && results[1].doubles() == [12, 10, 6, 50, 42, 32])
    }

    @Test func batchesOfVersion8() throws {
        let node = OperatorCase("Scan", opset: 8, outputs: 2, [body, AttributeProto("num_scan_inputs", .int(1))])
        let states = try HostTensor.of([0, 10], [2, 1]), x = try HostTensor.of([1, 2, 3, 4], [2, 2, 1])
        let all = try node(.missing, .data(states), .data(x)).map { try $0.doubles() }
        #expect(all == [[3, 17], [2, 6, 26, 34]])
        #expect(try node(.data(.of(integers: 1, 2)), .data(states), .data(x))[0].doubles() == [1, 17])
    }

    @Test func countsAreChecked() throws {
        let x = try HostTensor.of([1], [1, 1])
        #expect(throws: Diagnostic.self) { try OperatorCase("Scan", outputs: 2, [body])(.data(x)) }
        let many = OperatorCase("Scan", outputs: 2, [body, AttributeProto("num_scan_inputs", .int(3))])
        #expect(throws: Diagnostic.self) { try many(.data(x)) }
    }
}
