import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite(.enabled(if: LoweringSupport.isAvailable))
struct SortLoweringTests {
    private static let types: [ElementType] = [
        .float32, .float16, .bfloat16, .float64, .int8, .int32, .int64, .uint8, .uint32, .uint64, .bool,
    ]

    @Test(arguments: types)
    func equalsInterpreter(_ type: ElementType) throws {
        var random = SplitMix64(seed: 4)
        for descending in [false, true] {
            for (shape, axis, count) in [
                ([1], 0, 1), ([2], 0, 2), ([33], 0, 33), ([3, 50], 1, 7), ([40, 3], 0, 40), ([2, 17, 3], 1, 5),
                ([2, 0], 1, 0), ([4, 6], 1, 0),
            ] {
                let graph = try LoweringSupport.graph([TensorType(type, shape.map { IntExpr($0) })]) { builder, x in
                    try builder.add(Sort(axis: axis, descending: descending, count: IntExpr(count)), x)
                }
                try LoweringSupport.expectEqual(graph, [try random.tensor(type, shape)])
            }
        }
    }

    @Test func extremes() throws {
        let wide = try HostTensor.fromInts([.min, .max, 0, -1, .max, 5], as: .uint64, shape: [6])
        let signed = try HostTensor.fromInts([.min, .max, 0, -1, .min, 5], as: .int64, shape: [6])
        let narrow = try HostTensor.fromInts([0xFFFF_FFFF, 0x8000_0000, 0, 0x7FFF_FFFF, 1, 0], as: .uint32, shape: [6])
        for tensor in [wide, signed, narrow] {
            for descending in [false, true] {
                let graph = try LoweringSupport.graph([TensorType(tensor.type, [6])]) { builder, x in
                    try builder.add(Sort(axis: 0, descending: descending, count: 6), x)
                }
                try LoweringSupport.expectEqual(graph, [tensor])
            }
        }
    }

    @Test func symbolicExtentAndUnreadValues() throws {
        var symbols = SymbolTable()
        let n = symbols.add("n", lower: 2)
        let type = TensorType(.float32, [3, IntExpr(n)])
        let graph = try LoweringSupport.graph([type], symbols: symbols) { builder, x in
            let sorted = try builder.add(Sort(axis: 1, descending: true, count: 2), x)
            return [try builder.add(Map(.add), sorted[1], sorted[1])]
        }
        var random = SplitMix64(seed: 5)
        for extent in [2, 3, 64, 65, 1000] {
            try LoweringSupport.expectEqual(graph, [try random.tensor(.float32, [3, extent])])
        }
    }
}
