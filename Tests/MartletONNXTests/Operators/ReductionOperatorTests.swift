import MartletCore
import MartletONNX
import Testing

@Suite("Operators: reductions and order") struct ReductionOperatorTests {
    private let x: [Double] = [1, 2, 3, 4, 5, 6]

    @Test func axesThatArriveAsDataAreThoseThatAreKnown() throws {
        let tensor = try HostTensor.of(x, [1, 2, 3])
        let types = [
            "ReduceSum", "ReduceProd", "ReduceMin", "ReduceMax", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceLogSum",
            "ReduceLogSumExp", "ReduceSumSquare",
        ]
        for type in types {
            for keeps in [Int64(0), 1] {
                for isOpen in [false, true] {
                    var reduce = OperatorCase(type, [AttributeProto("keepdims", .int(keeps))])
                    reduce.hasOpenSizes = isOpen
                    let axes = try HostTensor.of(integers: -1, 0)
                    let known = try reduce(.data(tensor), .constant(axes))[0]
                    reduce.hasOpenSizes = false
                    let computed = try reduce(.data(tensor), .data(axes))[0]
                    #expect(known.shape == (keeps == 1 ? [1, 2, 1] : [2]) && computed.shape == known.shape, "\(type)")
                    #expect(agree(try known.doubles(), try computed.doubles()), "\(type)")
                }
            }
        }
    }

    @Test func withoutAxesAllOrNone() throws {
        #expect(try OperatorCase("ReduceSum").numbers(x, shape: [2, 3]) == [21])
        let noop = AttributeProto("noop_with_empty_axes", .int(1))
        #expect(agree(try OperatorCase("ReduceSumSquare", [noop]).numbers(x, shape: [2, 3]), x.map { $0 * $0 }))
        #expect(agree(try OperatorCase("ReduceLogSum", [noop]).numbers([1, 1]), [0, 0]))
    }

    @Test func integersAreReducedAsRealNumbers() throws {
        #expect(try OperatorCase("ReduceL2").numbers([3, 4], as: .int32) == [5])
        #expect(try OperatorCase("ReduceLogSum").numbers([8, 13], as: .int64) == [3])
        #expect(try OperatorCase("ReduceLogSumExp").numbers([5, 5], as: .int32) == [5])
        #expect(try OperatorCase("ReduceL2").numbers([300, 400], as: .float16) == [500])
    }

    @Test func runningSumsAlongAnAxisFromData() throws {
        let sum = OperatorCase("CumSum", [AttributeProto("exclusive", .int(1)), AttributeProto("reverse", .int(1))])
        let tensor = try HostTensor.of(x, [2, 3])
        for axis in [1.0, -1] {
            #expect(try sum(.data(tensor), .data(.of([axis], [], .int32)))[0].doubles() == [5, 3, 0, 11, 6, 0])
        }
        #expect(try sum(.data(tensor), .data(.of([0], [], .int64)))[0].doubles() == [4, 5, 6, 0, 0, 0])
        #expect(try sum(.data(.of([], [0])), .constant(.of([0], [], .int64)))[0].shape == [0])
        #expect(throws: Diagnostic.self) { try sum(.data(tensor), .constant(.of([2], [], .int64))) }
        #expect(throws: Diagnostic.self) { try sum(.data(tensor), .constant(.of(integers: 0, 1))) }
    }

    @Test func extremesAndTheirPositions() throws {
        let last = OperatorCase(
            "ArgMax", [AttributeProto("select_last_index", .int(1)), AttributeProto("keepdims", .int(0))])
        #expect(try last.numbers([3, 1, 3]) == [2])
        #expect(try OperatorCase("ArgMin", [AttributeProto("axis", .int(-1))]).numbers([3, 1, 1]) == [1])
        #expect(OperatorCase("ArgMax", [AttributeProto("axis", .int(1))]).failure([1]) == "onnx.axis")
        #expect(try OperatorCase("Hardmax").numbers([3, 1, 3]) == [1, 0, 0])
        // Before version 13 all axes from `axis` on were one.
        #expect(try OperatorCase("Hardmax", opset: 11).numbers(x, shape: [1, 2, 3]) == [0, 0, 0, 0, 0, 1])
    }

    @Test func topElementsOfAllVersions() throws {
        let tensor = try HostTensor.of([2, 5, 1, 5])
        let old = OperatorCase("TopK", opset: 1, outputs: 2, [AttributeProto("k", .int(3))])
        #expect(try old(.data(tensor)).map { try $0.doubles() } == [[5, 5, 2], [1, 3, 0]])
        let least = OperatorCase("TopK", outputs: 2, [AttributeProto("largest", .int(0))])
        for count in [OperatorCase.Input.constant(try .of(integers: 2)), .data(try .of(integers: 2))] {
            #expect(try least(.data(tensor), count).map { try $0.doubles() } == [[1, 2], [2, 0]])
        }
        #expect(throws: Diagnostic.self) { try least(.data(tensor), .constant(.of(integers: 5))) }
        #expect(throws: Diagnostic.self) { try least(.data(tensor), .data(.of(integers: 5))) }
    }
}
