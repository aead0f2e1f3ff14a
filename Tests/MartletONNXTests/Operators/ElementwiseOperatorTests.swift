import MartletCore
import MartletONNX
import Testing

@Suite("Operators: elementwise") struct ElementwiseOperatorTests {
    @Test func hyperbolicFunctionsAtTheirEdges() throws {
        let edges: [Double] = [-.infinity, -89.2, -1e-8, 0, 1e-8, 0.5, 89.2, .infinity, .nan]
        #expect(agree(try OperatorCase("Sinh").numbers(edges, as: .float64), edges.map { 0.5 * (e($0) - e(-$0)) }))
        #expect(agree(try OperatorCase("Cosh").numbers(edges, as: .float64), edges.map { 0.5 * (e($0) + e(-$0)) }))
        // exp(89) overflows in float32, where its half does not.
        #expect(try OperatorCase("Sinh").numbers([89.2, -89.2]).allSatisfy(\.isFinite))
        let large = try OperatorCase("Asinh").numbers([1e30, -1e30, 1e-8])
        #expect(agree(large, [69.77069997, -69.77069997, 1e-8]))
        #expect(agree(try OperatorCase("Acosh").numbers([1, 1e30, 0.5, -1e10]), [0, 69.77069997, .nan, .nan]))
        #expect(agree(try OperatorCase("Atanh").numbers([1, -1, 2, 0]), [.infinity, -.infinity, .nan, 0]))
    }

    private func e(_ x: Double) -> Double {
        // The suite needs no Foundation: a sum that converges for small numbers, and squares for large ones.
        if x.isNaN || x == .infinity { return x }
        if x == -.infinity { return 0 }
        if abs(x) > 1 {
            let root = e(x / 2)
            return root * root
        }
        return (1...30).reversed().reduce(1) { 1 + $0 * x / Double($1) }
    }

    @Test func remaindersTakeTheDivisorsSign() throws {
        let mod = OperatorCase("Mod", opset: 28)
        let (a, b) = ([100, -100, 7, -7, 0, 5.0], [120, 120, -3, 3, -3, 0.0])
        for type in [ElementType.int8, .int64] {
            let result = try mod(.data(.of(a, nil, type)), .data(.of(b, nil, type)))[0]
            // 100 + 120 wraps round in int8; the remainder by 0 is 0.
            #expect(try result.doubles() == [100, 20, -2, 2, 0, 0])
        }
        let real = try mod(.data(.of([5.5, -5.5, 0, 1])), .data(.of([-3, 3, -3, -.infinity])))[0].doubles()
        #expect(agree(real, [-0.5, 0.5, 0, -.infinity]) && real[2].sign == .minus)
        let c = OperatorCase("Mod", [AttributeProto("fmod", .int(1))])
        #expect(try c(.data(.of([-7, 7])), .data(.of([3, -3])))[0].doubles() == [-1, 1])
        #expect(OperatorCase("Mod", [AttributeProto("fmod", .int(2))]).failure([1]) != nil)
    }

    @Test func boundsAreAttributesAndOperands() throws {
        let old = OperatorCase("Clip", opset: 6, [AttributeProto("max", .float(2))])
        #expect(try old.numbers([-.infinity, 1, 3, .nan]).prefix(3) == [-.infinity, 1, 2])
        let clip = OperatorCase("Clip")
        let x = try HostTensor.of([-5, 0, 5])
        #expect(try clip(.data(x), .missing, .constant(.of([1])))[0].doubles() == [-5, 0, 1])
        #expect(try clip(.data(x), .data(.of([2], [])), .data(.of([1], [])))[0].doubles() == [1, 1, 1])
    }

    @Test func shrinksIntegersWithTruncatedNumbers() throws {
        let shrink = OperatorCase(
            "Shrink", [AttributeProto("lambd", .float(1.5)), AttributeProto("bias", .float(1.5))])
        #expect(try shrink.numbers([-3, -1, 0, 1, 3], as: .int32) == [-2, 0, 0, 0, 2])
        #expect(try shrink.numbers([0, 1, 3], as: .uint8) == [0, 0, 2])
        #expect(try shrink.numbers([-3, 1, 3]) == [-1.5, 0, 1.5])
    }

    @Test func slopesBelongToChannelsBeforeVersion7() throws {
        let (x, slope) = (try HostTensor.of([-1, -1, -1, -1], [1, 2, 1, 2]), try HostTensor.of([2, 3]))
        #expect(try OperatorCase("PRelu", opset: 6)(.data(x), .constant(slope))[0].doubles() == [-2, -2, -3, -3])
        #expect(try OperatorCase("PRelu", opset: 9)(.data(x), .constant(slope))[0].doubles() == [-2, -3, -2, -3])
    }

    @Test func infinitiesOfOneSign() throws {
        let x = [-Double.infinity, 0, .infinity, .nan]
        func isInf(_ positive: Int64, _ negative: Int64) throws -> [Double] {
            let attributes = [
                AttributeProto("detect_positive", .int(positive)), AttributeProto("detect_negative", .int(negative)),
            ]
            return try OperatorCase("IsInf", attributes).numbers(x)
        }
        #expect(try isInf(1, 1) == [1, 0, 1, 0])
        #expect(try isInf(1, 0) == [0, 0, 1, 0])
        #expect(try isInf(0, 1) == [1, 0, 0, 0])
        #expect(try isInf(0, 0) == [0, 0, 0, 0])
        #expect(try OperatorCase("IsInf").numbers([-.infinity, 1], as: .float8e5m2) == [0, 0])
    }

    @Test func castsToPowersOfTwo() throws {
        func cast(_ mode: String, _ saturate: Int64) throws -> [Double] {
            try OperatorCase(
                "Cast",
                [
                    AttributeProto("to", .int(24)), AttributeProto("round_mode", string: mode),
                    AttributeProto("saturate", .int(saturate)),
                ]
            ).numbers([3, 2.9, 2, 0, .infinity, .nan], as: .float64)
        }
        let (least, most) = (0x1p-127, 0x1p127)
        #expect(agree(try cast("up", 1), [4, 4, 2, least, most, .nan]))
        #expect(agree(try cast("down", 1), [2, 2, 2, least, most, .nan]))
        #expect(agree(try cast("nearest", 0), [4, 2, 2, .nan, .nan, .nan]))
    }

    @Test func attributesAreChecked() {
        #expect(OperatorCase("Gelu", [AttributeProto("approximate", string: "erf")]).failure([1]) == "onnx.attribute")
        #expect(OperatorCase("BitCast", [AttributeProto("to", .int(11))]).failure([1]) == "onnx.cast")
        #expect(OperatorCase("CastLike").failure([1]) == "onnx.input")
        #expect(OperatorCase("Mish", opset: 17).failure([1]) == "onnx.version")
    }
}
