import MartletCore
import MartletONNX
import Testing

@Suite("Operators: rearrangement") struct RearrangementOperatorTests {
    @Test func partsOfEveryVersion() throws {
        let x = try HostTensor.of([1, 2, 3, 4, 5])
        let old = OperatorCase("Split", opset: 2, outputs: 2, [AttributeProto("split", .ints([2, 3]))])
        #expect(try old(.data(x)).map { try $0.doubles() } == [[1, 2], [3, 4, 5]])
        let given = OperatorCase("Split", opset: 13, outputs: 2)
        #expect(try given(.data(x), .data(.of(integers: 0, 5))).map { try $0.doubles() } == [[], [1, 2, 3, 4, 5]])
        #expect(throws: Diagnostic.self) { try given(.data(x), .constant(.of(integers: 1, 3))) }
        #expect(given.failure([1, 2, 3]) == "onnx.split")
        var counted = OperatorCase("Split", opset: 18, outputs: 3, [AttributeProto("num_outputs", .int(3))])
        counted.hasOpenSizes = true
        #expect(try counted(.data(x)).map { try $0.doubles() } == [[1, 2], [3, 4], [5]])
        counted.attributes = [AttributeProto("num_outputs", .int(2))]
        #expect(counted.failure([1, 2, 3]) == "onnx.split")
    }

    @Test func copiesAlongAxes() throws {
        let x = try HostTensor.of([1, 2], [2, 1])
        let tile = OperatorCase("Tile")
        #expect(try tile(.data(x), .data(.of(integers: 1, 2)))[0].doubles() == [1, 1, 2, 2])
        #expect(try tile(.data(x), .constant(.of(integers: 2, 0)))[0].shape == [4, 0])
        let old = OperatorCase("Tile", opset: 1)
        #expect(try old(.data(x), .constant(.of([2], [])), .constant(.of([1], [])))[0].shape == [2, 2])
        #expect(throws: Diagnostic.self) { try tile(.data(x), .data(.of(integers: 1))) }
    }

    @Test func middlesOfOddSizes() throws {
        let node = OperatorCase("CenterCropPad", [AttributeProto("axes", .ints([-1]))])
        #expect(try node(.data(.of([1, 2, 3, 4])), .data(.of(integers: 1)))[0].doubles() == [2])
        #expect(try node(.data(.of([1, 2])), .data(.of(integers: 5)))[0].doubles() == [0, 1, 2, 0, 0])
    }

    @Test func trianglesBeyondTheMatrix() throws {
        let x = try HostTensor.of([1, 2, 3, 4], [2, 2])
        let upper = OperatorCase("Trilu"), lower = OperatorCase("Trilu", [AttributeProto("upper", .int(0))])
        func diagonal(_ k: Double) throws -> HostTensor { try .of([k], [], .int64) }
        #expect(try upper(.data(x), .data(diagonal(1)))[0].doubles() == [0, 2, 0, 0])
        #expect(try upper(.data(x), .data(diagonal(9)))[0].doubles() == [0, 0, 0, 0])
        #expect(try lower(.data(x), .data(diagonal(-1)))[0].doubles() == [0, 0, 3, 0])
        #expect(upper.failure([1]) == "type.rank")
    }

    @Test func negativeClassesBeforeVersion11() throws {
        let indices = try HostTensor.of(integers: -1, 1, 5), depth = try HostTensor.of([2], [])
        func result(_ opset: Int64) throws -> [Double] {
            try OperatorCase("OneHot", opset: opset)(.data(indices), .data(depth), .data(.of([3, 4])))[0].doubles()
        }
        #expect(try result(9) == [3, 3, 3, 4, 3, 3])
        #expect(try result(11) == [3, 4, 3, 4, 3, 3])
    }

    @Test func reversesTheBeginningOnly() throws {
        let x = try HostTensor.of([1, 2, 3, 4, 5, 6], [2, 3])
        let node = OperatorCase(
            "ReverseSequence", [AttributeProto("time_axis", .int(1)), AttributeProto("batch_axis", .int(0))])
        #expect(try node(.data(x), .data(.of(integers: 2, 3)))[0].doubles() == [2, 1, 3, 6, 5, 4])
        let same = OperatorCase("ReverseSequence", [AttributeProto("time_axis", .int(1))])
        #expect(throws: Diagnostic.self) { try same(.data(x), .data(.of(integers: 1))) }
    }

    @Test func blocksOfBothOrders() throws {
        let x = try HostTensor.of((0..<8).map { Double($0) }, [1, 8, 1, 1])
        let size = AttributeProto("blocksize", .int(2))
        let first = try OperatorCase("DepthToSpace", [size])(.data(x))[0]
        #expect(try first.shape == [1, 2, 2, 2] && first.doubles() == [0, 2, 4, 6, 1, 3, 5, 7])
        let last = try OperatorCase("DepthToSpace", [size, AttributeProto("mode", string: "CRD")])(.data(x))[0]
        #expect(try last.doubles() == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(try OperatorCase("SpaceToDepth", [size])(.data(first))[0].doubles() == x.doubles())
        #expect(OperatorCase("SpaceToDepth").failure([1], shape: [1, 1, 1, 1]) == "onnx.attribute")
    }
}
