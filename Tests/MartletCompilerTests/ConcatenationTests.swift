import MartletCore
import MartletEngine
import MartletIR
import TestSupport
import Testing

/// Concatenations whose operands are computed in their places.
@Suite(.enabled(if: LoweringSupport.isAvailable))
struct ConcatenationTests {
    private typealias Support = LoweringSupport

    private func f32(_ shape: [IntExpr]) -> TensorType { TensorType(.float32, shape) }

    /// Small whole numbers, whose sums are exact in any order.
    private func random(_ shape: [Int], seed: UInt64) throws -> HostTensor {
        var random = SplitMix64(seed: seed)
        let values = (0..<shape.reduce(1, *)).map { _ in Double(random.int(-8...8)) }
        return try HostTensor.fromDoubles(values, as: .float32, shape: shape)
    }

    @Test(arguments: [0, 1, 2])
    func computedPartsAreNotCopied(_ axis: Int) throws {
        let shapes = [[4, 6, 18], [4, 6, 18], [4, 6, 18]]
        let graph = try Support.graph(shapes.map { f32($0.map { IntExpr($0) }) }) { builder, x in
            let parts = try [Map(.abs), Map(.floor), Map(.neg)].enumerated().map { try builder.add($1, x[$0]) }
            let whole = try builder.add(Concat(axis: axis), parts)[0]
            return [whole, try builder.add(Reduce(.max, axes: [1]), whole)]
        }
        try Support.expectEqual(graph, shapes.enumerated().map { try random($1, seed: UInt64($0)) })
        // One kernel for each part, one for the maximum.
        #expect(try Support.compile(graph).steps.count == 4)
    }

    /// Inputs, constants, a part of another concatenation and a value that is read twice.
    @Test func partsOfAllKinds() throws {
        var symbols = SymbolTable()
        let n = IntExpr(symbols.add("n", lower: 0)), m = IntExpr(symbols.add("m", lower: 0))
        let graph = try Support.graph([f32([n, 20]), f32([m, 20])], symbols: symbols) { builder, x in
            let fixed = try builder.add(constant: random([3, 20], seed: 5))
            let computed = try builder.add(Map(.abs), x[0])
            let inner = try builder.add(Concat(axis: 0), [computed, fixed, x[1]])[0]
            let outer = try builder.add(Concat(axis: 0), [x[1], inner, computed, computed])[0]
            let twice = try builder.add(Map(.add), outer, outer)
            return [try builder.add(Map(.floor), twice), outer, inner]
        }
        for (rows, others) in [(3, 5), (0, 1), (40, 0)] {
            try Support.expectEqual(graph, [random([rows, 20], seed: 6), random([others, 20], seed: 7)])
        }
    }

    /// Convolutions write side by side along the channels, which lie innermost.
    @Test func convolutionsSideBySide() throws {
        let graph = try Support.graph([f32([1, 16, 9, 9])]) { builder, x in
            let branches = try [(8, 1), (24, 2), (5, 3)].map { channels, seed in
                let weights = try builder.add(constant: random([channels, 16, 1, 1], seed: UInt64(seed)))
                let convolution = Convolve(
                    stride: [1, 1], low: [0, 0], high: [0, 0], dilation: [1, 1], inputDilation: [1, 1], groups: 1,
                    result: .float32)
                return try builder.add(Map(.abs), builder.add(convolution, x[0], weights))
            }
            let whole = try builder.add(Concat(axis: 1), branches)[0]
            return [try builder.add(Reduce(.max, axes: [2, 3]), whole)]
        }
        try Support.expectEqual(graph, [random([1, 16, 9, 9], seed: 4)])
        // The change of layout of the input, three convolutions, the maximum.
        #expect(try Support.compile(graph).steps.count == 5)
    }
}
