import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite(.enabled(if: LoweringSupport.isAvailable))
struct ScanLoweringTests {
    @Test(arguments: [ElementType.float32, .float16, .bfloat16, .float64, .int32, .int64, .uint8, .int16])
    func equalsInterpreter(_ type: ElementType) throws {
        var random = SplitMix64(seed: 1)
        for combiner in [Combiner.sum, .prod, .max, .min] {
            for (shape, axis) in [
                ([7], 0), ([5, 9], 1), ([5, 19], 0), ([3, 4, 8], 1), ([2, 0, 3], 1), ([3, 2, 17], 0),
            ] {
                let graph = try LoweringSupport.graph([TensorType(type, shape.map { IntExpr($0) })]) { builder, x in
                    [try builder.add(Cumulate(combiner, axis: axis), x[0])]
                }
                let special = combiner == .max || combiner == .min
                try LoweringSupport.expectEqual(graph, [try random.tensor(type, shape, special: special)])
                try LoweringSupport.expectEqual(graph, [try random.tensor(type, shape)])
            }
        }
    }

    @Test func logical() throws {
        var random = SplitMix64(seed: 2)
        for combiner in [Combiner.and, .or] {
            let graph = try LoweringSupport.graph([TensorType(.bool, [6, 5])]) { builder, x in
                [try builder.add(Cumulate(combiner, axis: 1), x[0])]
            }
            try LoweringSupport.expectEqual(graph, [try random.tensor(.bool, [6, 5])])
        }
    }

    @Test func symbolicExtents() throws {
        var symbols = SymbolTable()
        let n = symbols.add("n"), m = symbols.add("m")
        let type = TensorType(.float32, [IntExpr(n), IntExpr(m)])
        var random = SplitMix64(seed: 3)
        for axis in 0...1 {
            let graph = try LoweringSupport.graph([type], symbols: symbols) { builder, x in
                let doubled = try builder.add(Map(.add), x[0], x[0])
                return [try builder.add(Map(.neg), try builder.add(Cumulate(.sum, axis: axis), doubled))]
            }
            for shape in [[1, 1], [4, 33], [70, 16], [0, 3]] {
                try LoweringSupport.expectEqual(graph, [try random.tensor(.float32, shape, special: false)])
            }
        }
    }
}
