import MartletCore
import MartletIR
import TestSupport
import Testing

/// Transpositions in squares: copies and groups that read transposed operands, with whole and cut squares.
@Suite(.enabled(if: LoweringSupport.isAvailable))
struct TransposedTileTests {
    private typealias Support = LoweringSupport

    private func random(_ type: ElementType, _ shape: [Int], seed: UInt64) throws -> HostTensor {
        var random = SplitMix64(seed: seed)
        let limits = type == .bool ? 0...1 : -100...100
        let values = (0..<shape.reduce(1, *)).map { _ in Double(random.int(limits)) }
        return try HostTensor.fromDoubles(values, as: type, shape: shape)
    }

    @Test(arguments: [ElementType.float32, .float64, .int64, .int32, .float16, .int8, .bool])
    func copies(_ type: ElementType) throws {
        for (rows, columns) in [(16, 16), (32, 48), (37, 50), (3, 40), (40, 3), (17, 600)] {
            let graph = try Support.graph([TensorType(type, [IntExpr(rows), IntExpr(columns)])]) { builder, x in
                [try builder.add(Transpose([1, 0]), x[0])]
            }
            try Support.expectEqual(graph, [random(type, [rows, columns], seed: 1)])
        }
    }

    @Test(arguments: [[0, 2, 1], [2, 0, 1], [2, 1, 0], [1, 2, 0]])
    func permutations(_ order: [Int]) throws {
        let shape = [19, 35, 33]
        let graph = try Support.graph([TensorType(.float32, shape.map { IntExpr($0) })]) { builder, x in
            [try builder.add(Transpose(order), x[0])]
        }
        try Support.expectEqual(graph, [random(.float32, shape, seed: 2)])
    }

    /// Sums of transposed, straight and broadcast operands of several types; sizes are known at run time only.
    @Test func groupsOfSymbolicSizes() throws {
        var symbols = SymbolTable()
        let rows = IntExpr(symbols.add("rows", lower: 0))
        let columns = IntExpr(symbols.add("columns", lower: 0))
        let types = [
            TensorType(.float32, [rows, columns]), TensorType(.int32, [rows, columns]),
            TensorType(.float32, [columns, rows]), TensorType(.float32, [rows]), TensorType(.float32, [columns]),
        ]
        let graph = try Support.graph(types, symbols: symbols) { builder, x in
            let shape = [columns, rows]
            let first = try builder.add(Transpose([1, 0]), x[0])
            let second = try builder.add(Transpose([1, 0]), builder.add(Map(.cast, to: .float32), x[1]))
            let sum = try builder.add(Map(.add), builder.add(Map(.mul), first, second), x[2])
            let along = try builder.add(Broadcast(shape: shape, axes: [1]), x[3])
            let across = try builder.add(Broadcast(shape: shape, axes: [0]), x[4])
            return [try builder.add(Map(.sub), builder.add(Map(.max), sum, along), across)]
        }
        for (rows, columns) in [(16, 16), (1, 1), (33, 18), (0, 5), (5, 0), (300, 17), (15, 64)] {
            try Support.expectEqual(
                graph,
                [
                    random(.float32, [rows, columns], seed: 3), random(.int32, [rows, columns], seed: 4),
                    random(.float32, [columns, rows], seed: 5), random(.float32, [rows], seed: 6),
                    random(.float32, [columns], seed: 7),
                ])
        }
    }

    /// What a border guards is not read ahead of it.
    @Test func paddedAndTransposed() throws {
        let graph = try Support.graph([TensorType(.float32, [40, 40])]) { builder, x in
            let zero = try builder.add(constant: HostTensor.fromDoubles([7], as: .float32, shape: []))
            let padded = try builder.add(Pad(low: [3, 1], high: [2, 5], interior: [0, 0]), x[0], zero)
            return [try builder.add(Transpose([1, 0]), padded)]
        }
        try Support.expectEqual(graph, [random(.float32, [40, 40], seed: 8)])
    }
}
