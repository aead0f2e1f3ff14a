import MartletCore
import MartletONNX
import Testing

@Suite("Operators: selection") struct SelectionOperatorTests {
    @Test func negativeIndicesCountFromTheEnd() throws {
        let x = try HostTensor.of([1, 2, 3, 4, 5, 6], [2, 3])
        let elements = OperatorCase("GatherElements", [AttributeProto("axis", .int(1))])
        #expect(try elements(.data(x), .data(.of([-1, 0], [2, 1], .int32)))[0].doubles() == [3, 4])
        let slices = OperatorCase("GatherND", [AttributeProto("batch_dims", .int(1))])
        #expect(try slices(.data(x), .data(.of([-1, 0], [2, 1], .int64)))[0].doubles() == [3, 4])
    }

    @Test func indicesOutOfRangeEndTheRun() throws {
        let x = try HostTensor.of([1, 2, 3])
        for type in ["GatherElements", "GatherND"] {
            let indices = try HostTensor.of([3], type == "GatherND" ? [1, 1] : [1], .int64)
            #expect(throws: Diagnostic.self) { try OperatorCase(type)(.data(x), .data(indices)) }
        }
        let scatter = OperatorCase("ScatterElements")
        #expect(throws: Diagnostic.self) { try scatter(.data(x), .data(.of(integers: -4)), .data(.of([1]))) }
    }

    @Test func updatesMeetWhatStandsThere() throws {
        let x = try HostTensor.of([1, 2, 3])
        func result(_ reduction: String) throws -> [Double] {
            let node = OperatorCase("ScatterElements", [AttributeProto("reduction", string: reduction)])
            return try node(.data(x), .data(.of(integers: 0, 0, -1)), .data(.of([5, 7, -2])))[0].doubles()
        }
        #expect(try result("none") == [7, 2, -2])
        #expect(try result("add") == [13, 2, 1])
        #expect(try result("mul") == [35, 2, -6])
        #expect(try result("max") == [7, 2, 3])
        #expect(try result("min") == [1, 2, -2])
        #expect(throws: Diagnostic.self) { try result("set") }
    }

    @Test func circularCachesBeginAgain() throws {
        let cache = try HostTensor.of([0, 0, 0, 0], [1, 4, 1]), update = try HostTensor.of([1, 2], [1, 2, 1])
        var node = OperatorCase("TensorScatter", [AttributeProto("mode", string: "circular")])
        #expect(try node(.data(cache), .data(update), .data(.of(integers: 3)))[0].doubles() == [2, 0, 0, 1])
        #expect(try node(.data(cache), .data(update))[0].doubles() == [1, 2, 0, 0])
        node.attributes = []
        #expect(throws: Diagnostic.self) { try node(.data(cache), .data(update), .data(.of(integers: 3))) }
        node.attributes = [AttributeProto("axis", .int(0))]
        #expect(throws: Diagnostic.self) { try node(.data(cache), .data(update)) }
    }

    @Test func positionsOfWhatIsNotZero() throws {
        var node = OperatorCase("NonZero")
        let none = try node(.data(.of([0, 0], [1, 2])))[0]
        #expect(none.shape == [2, 0])
        node.hasOpenSizes = true
        let some = try node(.data(.of([0, 1, .nan, 0], [2, 2])))[0]
        #expect(try some.shape == [2, 2] && some.doubles() == [0, 1, 1, 0])
        #expect(try node(.data(.of([3], [])))[0].shape == [0, 1])
    }

    @Test func masksMayBeShorterThanTheAxis() throws {
        let x = try HostTensor.of([1, 2, 3, 4, 5, 6], [2, 3])
        let mask = try HostTensor.of([0, 1], nil, .bool)
        #expect(try OperatorCase("Compress")(.data(x), .data(mask))[0].doubles() == [2])
        let rows = OperatorCase("Compress", [AttributeProto("axis", .int(-1))])
        #expect(try rows(.data(x), .data(mask))[0].doubles() == [2, 5])
    }

    @Test func uniqueInBothOrders() throws {
        let x = try HostTensor.of([2, 1, 1, 3, 4, 3, .nan, .nan])
        func results(_ sorted: Int64) throws -> [[Double]] {
            let node = OperatorCase("Unique", outputs: 4, [AttributeProto("sorted", .int(sorted))])
            return try node(.data(x)).map { try $0.doubles() }
        }
        let sorted = try results(1)
        #expect(agree(sorted[0], [1, 2, 3, 4, .nan]) && sorted[1] == [1, 0, 3, 4, 6])
        #expect(sorted[2] == [1, 0, 0, 2, 3, 2, 4, 4] && sorted[3] == [2, 1, 2, 1, 2])
        let first = try results(0)
        #expect(agree(first[0], [2, 1, 3, 4, .nan]) && first[1] == [0, 1, 3, 4, 6])
        #expect(first[2] == [0, 1, 1, 2, 3, 2, 4, 4] && first[3] == [1, 2, 2, 1, 2])
    }
}
