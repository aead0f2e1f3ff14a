import MartletCore
import MartletONNX
import Testing

@Suite("Operators: convolution, pooling") struct ConvolutionOperatorTests {
    private let row = [1, 2, 3, 4, 5, 6.0]

    @Test func normsOfWindows() throws {
        let pool = OperatorCase(
            "LpPool",
            [
                AttributeProto("kernel_shape", .ints([2])), AttributeProto("strides", .ints([2])),
                AttributeProto("p", .int(1)),
            ])
        #expect(try pool.numbers([1, -2, 3, -4, 5, -6], shape: [1, 1, 6]) == [3, 7, 11])
        let old = OperatorCase(
            "LpPool", opset: 1, [AttributeProto("kernel_shape", .ints([6])), AttributeProto("p", .float(1))])
        #expect(try old.numbers(row, shape: [1, 1, 6]) == [21])
        #expect(agree(try OperatorCase("GlobalLpPool").numbers([3, 4], shape: [1, 1, 2]), [5]))
        #expect(OperatorCase("LpPool").failure(row, shape: [1, 1, 6]) == "onnx.attribute")
        #expect(OperatorCase("GlobalLpPool").failure(row, shape: [2, 3]) == "onnx.rank")
    }

    @Test func positionsInColumnMajorOrder() throws {
        let attributes = [AttributeProto("kernel_shape", .ints([2, 2])), AttributeProto("storage_order", .int(1))]
        let pool = OperatorCase("MaxPool", outputs: 2, attributes)
        let result = try pool(.data(.of([1, 2, 3, 4, 9, 6], [1, 1, 2, 3])))
        #expect(try result[0].doubles() == [9, 9] && result[1].doubles() == [3, 3])
    }

    @Test func unpoolingPutsElementsBack() throws {
        let unpool = OperatorCase(
            "MaxUnpool", [AttributeProto("kernel_shape", .ints([2])), AttributeProto("strides", .ints([2]))])
        let (x, places) = (
            try HostTensor.of([5, 7], [1, 1, 2]), try HostTensor([1, 2].map { Int64($0) }, shape: [1, 1, 2])
        )
        #expect(try unpool(.data(x), .data(places))[0].doubles() == [0, 5, 7, 0])
        let size = try HostTensor.of(integers: 1, 1, 6)
        #expect(try unpool(.data(x), .data(places), .data(size))[0].doubles() == [0, 5, 7, 0, 0, 0])
        let outside = try HostTensor([1, 4].map { Int64($0) }, shape: [1, 1, 2])
        #expect(throws: Diagnostic.self) { try unpool(.data(x), .data(outside)) }
    }

    private func transposed(opset: Int64 = 22, _ attributes: AttributeProto...) throws -> [Double] {
        let (x, w) = (try HostTensor.of([1, 10], [1, 1, 2]), try HostTensor.of([1, 2, 3], [1, 1, 3]))
        return try OperatorCase("ConvTranspose", opset: opset, attributes)(.data(x), .constant(w))[0].doubles()
    }

    @Test func transposedConvolutionsKeepWhatIsAskedFor() throws {
        let stride = AttributeProto("strides", .ints([2])), upper = AttributeProto("auto_pad", string: "SAME_UPPER")
        #expect(try transposed(stride) == [1, 2, 13, 20, 30])
        #expect(try transposed(stride, AttributeProto("pads", .ints([1, 0]))) == [2, 13, 20, 30])
        #expect(try transposed(stride, AttributeProto("output_padding", .ints([1]))) == [1, 2, 13, 20, 30, 0])
        let four = AttributeProto("output_shape", .ints([4]))
        // The odd element goes in front, or behind with SAME_UPPER; in version 1 the other way round.
        #expect(try transposed(stride, four) == [2, 13, 20, 30])
        #expect(try transposed(stride, four, upper) == [1, 2, 13, 20])
        #expect(try transposed(opset: 1, stride, four) == [1, 2, 13, 20])
        #expect(try transposed(stride, upper) == [1, 2, 13, 20])
        // More than there is: zeros follow.
        #expect(try transposed(stride, AttributeProto("output_shape", .ints([7]))) == [1, 2, 13, 20, 30, 0, 0])
        #expect(throws: Diagnostic.self) { try transposed(AttributeProto("output_padding", .ints([-1]))) }
        #expect(throws: Diagnostic.self) { try transposed(AttributeProto("group", .int(2))) }
        #expect(throws: Diagnostic.self) { try transposed(AttributeProto("group", .int(0))) }
    }

    @Test func causalConvolutionsCarryTheirState() throws {
        let node = OperatorCase("CausalConvWithState", opset: 27, outputs: 2)
        let (x, w) = (try HostTensor.of([1, 2], [1, 1, 2]), try HostTensor.of([1, 10, 100], [1, 1, 3]))
        let first = try node(.data(x), .constant(w))
        #expect(try first[0].doubles() == [100, 210] && first[1].doubles() == [1, 2])
        let second = try node(.data(x), .constant(w), .constant(.of([0.5])), .data(first[1]))
        #expect(try second[0].doubles() == [121.5, 212.5] && second[1].doubles() == [1, 2])
        let wrong = OperatorCase("CausalConvWithState", opset: 27, [AttributeProto("activation", string: "tanh")])
        #expect(wrong.failure(row, shape: [1, 1, 6]) == "onnx.attribute")
    }

    @Test func openSizesGiveTheSame() throws {
        var node = OperatorCase("DeformConv", opset: 19, [AttributeProto("kernel_shape", .ints([1, 1]))])
        let (x, w) = (try HostTensor.of([1, 2, 3, 4], [1, 1, 2, 2]), try HostTensor.of([2], [1, 1, 1, 1]))
        let offsets = try HostTensor.of([0, 0.5, -1, 0, 0, 0, 0, 0.5], [1, 2, 2, 2])
        let plain = try node(.data(x), .data(w), .data(offsets))[0].doubles()
        node.hasOpenSizes = true
        #expect(try node(.data(x), .constant(w), .data(offsets))[0].doubles() == plain)
        // Rows move by 0, ½, -1, 0, columns by 0, 0, 0, ½.
        #expect(plain == [2, 6, 2, 4])
    }
}
