import MartletCore
import MartletEngine
import MartletIR
import TestSupport
import Testing

/// Chains of views of symbolic sizes, computed where they are read.
@Suite(.enabled(if: LoweringSupport.isAvailable))
struct ViewFusionTests {
    private typealias Support = LoweringSupport

    /// Reshape, pad, transpose and slice of x [n, 6, 10], as [13, m] with m = 6n - 1.
    private func chain(_ builder: GraphBuilder, _ x: ValueID, _ n: IntExpr) throws -> ValueID {
        let fill = try builder.add(constant: HostTensor.fromDoubles([0], as: .float32, shape: []))
        let flat = try builder.add(Reshape(shape: [n * 6, 10]), x)
        let padded = try builder.add(Pad(low: [0, 2], high: [0, 3], interior: [0, 0]), flat, fill)
        let turned = try builder.add(Transpose([1, 0]), padded)
        return try builder.add(Slice(start: [1, 1], size: [13, n * 6 - 1], step: [1, 1]), turned)
    }

    private func graph(_ body: (GraphBuilder, ValueID, IntExpr) throws -> ValueID) throws -> Graph {
        var symbols = SymbolTable()
        let n = IntExpr(symbols.add("n", lower: 1))
        return try Support.graph([TensorType(.float32, [n, 6, 10])], symbols: symbols) { builder, x in
            [try body(builder, x[0], n)]
        }
    }

    /// Small whole numbers, whose sums are exact in any order.
    private func whole(_ shape: [Int], _ random: inout SplitMix64) throws -> HostTensor {
        let values = (0..<shape.reduce(1, *)).map { _ in Double(random.int(-8...8)) }
        return try HostTensor.fromDoubles(values, as: .float32, shape: shape)
    }

    private func expectEqual(_ graph: Graph) throws {
        var random = SplitMix64(seed: 3)
        for n in [1, 2, 9, 40] { try Support.expectEqual(graph, [whole([n, 6, 10], &random)]) }
    }

    @Test(arguments: [0, 1])
    func intoAReduction(_ axis: Int) throws {
        let graph = try graph { builder, x, n in
            try builder.add(Reduce(.sum, axes: [axis]), chain(builder, x, n))
        }
        try expectEqual(graph)
        #expect(try Support.compile(graph).steps.count == 1)
    }

    @Test func intoTheLoadsOfAConvolution() throws {
        let graph = try graph { builder, x, n in
            var random = SplitMix64(seed: 5)
            let weights = try builder.add(constant: whole([20, 13, 3], &random))
            let image = try builder.add(Reshape(shape: [1, 13, n * 6 - 1]), chain(builder, x, n))
            let convolution = Convolve(
                stride: [1], low: [1], high: [1], dilation: [1], inputDilation: [1], groups: 1, result: .float32)
            return try builder.add(convolution, image, weights)
        }
        try expectEqual(graph)
        // The convolution, and the change of layout of its result.
        let engine = try Support.compile(graph)
        #expect(engine.steps.count == 2)
        #expect(engine.steps[0].note.hasPrefix("contraction"))
    }
}
