import MartletCore
import MartletONNX
import TestSupport
import Testing

@Suite("Operators: quantisation") struct QuantizationOperatorTests {
    @Test func roundsHalvesToEvenAndSaturates() throws {
        let quantize = OperatorCase("QuantizeLinear")
        let x = try HostTensor.of([1, 3, 5, -3, 1000, -1000])
        let result = try quantize(.data(x), .constant(.of([2], [])), .constant(.of([1], [], .int8)))[0]
        #expect(try result.type == .int8 && result.doubles() == [1, 3, 3, -1, 127, -128])
        let plain = try quantize(.data(x), .constant(.of([2], [])))[0]
        #expect(try plain.type == .uint8 && plain.doubles() == [0, 2, 2, 0, 255, 0])
    }

    @Test func scalesOfAxesAndBlocks() throws {
        let x = try HostTensor.of([1, 2, 3, 4, 5, 6], [2, 3])
        let rows = OperatorCase("QuantizeLinear", opset: 13, [AttributeProto("axis", .int(-2))])
        #expect(try rows(.data(x), .constant(.of([1, 2])))[0].doubles() == [1, 2, 3, 2, 2, 3])
        let blocks = OperatorCase(
            "DequantizeLinear", opset: 21, [AttributeProto("axis", .int(1)), AttributeProto("block_size", .int(2))])
        let bytes = try HostTensor.of([1, 2, 3, 4, 5, 6], [2, 3], .uint8)
        let scales = try HostTensor.of([1, 10, 100, 1000], [2, 2])
        #expect(try blocks(.data(bytes), .data(scales))[0].doubles() == [1, 2, 30, 400, 500, 6000])
        let points = try HostTensor.of([1, 2, 3, 4], [2, 2], .uint8)
        #expect(try blocks(.data(bytes), .data(scales), .data(points))[0].doubles() == [0, 1, 10, 100, 200, 2000])
    }

    @Test func typesOfResults() throws {
        let x = try HostTensor.of([-3, 0.4, 500])
        func quantize(_ attributes: AttributeProto...) throws -> HostTensor {
            try OperatorCase("QuantizeLinear", attributes)(.data(x), .constant(.of([1], [])))[0]
        }
        let int4 = try quantize(AttributeProto("output_dtype", .int(Int64(ElementType.int4.onnxCode))))
        #expect(try int4.type == .int4 && int4.doubles() == [-3, 0, 7])
        let float8 = Int64(ElementType.float8e4m3fn.onnxCode)
        #expect(try quantize(AttributeProto("output_dtype", .int(float8))).doubles()[2] == 448)
        let open = try quantize(AttributeProto("output_dtype", .int(float8)), AttributeProto("saturate", .int(0)))
        #expect(try open.doubles()[2].isNaN)
        let half = OperatorCase("DequantizeLinear", opset: 23, [AttributeProto("output_dtype", .int(10))])
        let result = try half(.data(.of([1, 2], nil, .uint16)), .constant(.of([0.5], [])))[0]
        #expect(try result.type == .float16 && result.doubles() == [0.5, 1])
    }

    @Test func contradictionsAreErrors() throws {
        func code(_ attributes: [AttributeProto], _ inputs: (HostTensor, HostTensor, HostTensor)) -> String? {
            errorCode {
                _ = try OperatorCase("QuantizeLinear", attributes)(
                    .data(inputs.0), .constant(inputs.1), .constant(inputs.2))
            }
        }
        let x = try HostTensor.of([1, 2], [1, 2]), two = try HostTensor.of([1, 2]),
            points = try HostTensor.of([1, 2], nil, .int8)
        #expect(code([], (x, two, points)) == nil)
        #expect(code([AttributeProto("output_dtype", .int(2))], (x, two, points)) == "onnx.element-type")
        #expect(code([AttributeProto("axis", .int(5))], (x, two, points)) == "onnx.axis")
        #expect(code([AttributeProto("axis", .int(0))], (x, two, points)) == "type.sizes-differ")
        #expect(code([AttributeProto("block_size", .int(-1))], (x, two, points)) == "onnx.attribute")
    }

    @Test func dynamicRangesContainZero() throws {
        let result = try OperatorCase("DynamicQuantizeLinear", outputs: 3)(.data(.of([51, 255])))
        #expect(try result[0].doubles() == [51, 255] && result[1].doubles() == [1] && result[2].doubles() == [0])
    }

    @Test func integerProductsSubtractZeroPoints() throws {
        let a = try HostTensor.of([1, 2, 3, 4], [2, 2], .uint8), b = try HostTensor.of([1, 0, 0, 1], [2, 2], .uint8)
        let node = OperatorCase("MatMulInteger")
        #expect(try node(.data(a), .data(b))[0].doubles() == [1, 2, 3, 4])
        // One zero point for each row of a and each column of b.
        let result = try node(.data(a), .data(b), .data(.of([1, 3], nil, .uint8)), .data(.of([0, 1], nil, .uint8)))[0]
        #expect(try result.type == .int32 && result.doubles() == [0, 0, 0, 0])
        let linear = OperatorCase("QLinearMatMul")
        let quantized = try linear(
            .data(a), .constant(.of([0.5], [])), .constant(.of([0], [], .uint8)), .data(b), .constant(.of([1, 4])),
            .constant(.of([0, 0], nil, .uint8)), .constant(.of([1], [])), .constant(.of([10], [], .uint8)))[0]
        #expect(try quantized.doubles() == [10, 14, 12, 18])
    }

    @Test func paddingOfIntegerConvolutionsIsTheZeroPoint() throws {
        let node = OperatorCase("ConvInteger", [AttributeProto("pads", .ints([1, 1]))])
        let x = try HostTensor.of([3, 4], [1, 1, 2], .uint8), w = try HostTensor.of([1, 1, 1], [1, 1, 3], .uint8)
        #expect(try node(.data(x), .constant(w), .constant(.of([2], [], .uint8)))[0].doubles() == [3, 3])
    }

    // MARK: Products

    /// Σ (a - p)(b - q) by the definition.
    private func product(
        _ a: HostTensor, _ b: HostTensor, _ p: (Int, Int) -> Int64, _ q: (Int) -> Int64
    ) throws -> [Int64] {
        let (rows, depth, columns) = (a.shape[0], a.shape[1], b.shape[1])
        let (x, y) = (try a.ints(), try b.ints())
        return (0..<rows * columns).map { index in
            let (row, column) = (index / columns, index % columns)
            return (0..<depth).reduce(0) { sum, k in
                sum + (x[row * depth + k] - p(row, k)) * (y[k * columns + column] - q(column))
            }
        }
    }

    /// Zero points that fold into the weights, that do not, one for each row and column, and none; weights that are
    /// constant and weights that are not.
    @Test(arguments: [ElementType.uint8, .int8], [ElementType.uint8, .int8])
    func matMulIntegerIsExact(_ left: ElementType, _ right: ElementType) throws {
        func values(_ type: ElementType, _ shape: [Int], _ seed: Int) throws -> HostTensor {
            let low = type == .int8 ? -128 : 0
            let count = shape.reduce(1, *)
            return try .of((0..<count).map { Double(low + ($0 * 89 + seed * 31) % 256) }, shape, type)
        }
        let (a, b) = (try values(left, [3, 5], 1), try values(right, [5, 4], 2))
        let (p, q) = (left == .int8 ? -7.0 : 200.0, right == .int8 ? 3.0 : 128.0)
        let points: [(HostTensor?, HostTensor?)] = [
            (nil, nil), (try .of([p], [], left), nil), (nil, try .of([q], [], right)),
            (try .of([p], [1], left), try .of([q], [1], right)),
            (try .of([p, 0, 5], [3], left), try .of([q, 0, 9, q], [4], right)),
        ]
        let operation = OperatorCase("MatMulInteger")
        for (first, second) in points {
            let (p, q) = (try first?.ints() ?? [0], try second?.ints() ?? [0])
            let expected = try product(a, b, { row, _ in p[p.count == 1 ? 0 : row] }, { q[q.count == 1 ? 0 : $0] })
            let third = first.map { OperatorCase.Input.constant($0) } ?? .missing
            let open = first.map { OperatorCase.Input.data($0) } ?? .missing
            let fourth = second.map { OperatorCase.Input.constant($0) } ?? .missing
            #expect(try operation(.data(a), .constant(b), third, fourth)[0].ints() == expected)
            #expect(try operation(.data(a), .constant(b), open, fourth)[0].ints() == expected)
            #expect(try operation(.data(a), .data(b), third, fourth)[0].ints() == expected)
        }
    }
}
