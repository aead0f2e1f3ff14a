import MartletCore
import MartletEngine
import MartletIR
import TestSupport
import Testing

/// Kernels of the general and the contraction template against the interpreter, on shapes that hit every tail.
@Suite(.enabled(if: LoweringSupport.isAvailable))
struct TemplateTests {
    private typealias Support = LoweringSupport

    private func f32(_ shape: [IntExpr]) -> TensorType { TensorType(.float32, shape) }

    private func expectClose(_ graph: Graph, seed: UInt64, shapes: [[Int]]) throws {
        var random = SplitMix64(seed: seed)
        let inputs = try shapes.map { shape in
            let count = shape.reduce(1, *)
            return try HostTensor.fromDoubles(
                (0..<count).map { _ in Double(random.int(-1000...1000)) / 500 }, as: .float32, shape: shape)
        }
        let expected = try Interpreter(graph).run(inputs)
        let found = try Support.run(graph, inputs)
        for (left, right) in zip(expected, found) {
            #expect(left.shape == right.shape)
            let worst = zip(try left.doubles(), try right.doubles()).map { abs($0 - $1) / (1 + abs($0)) }.max() ?? 0
            #expect(worst < 2e-5, "shapes \(shapes)")
        }
    }

    private func constant(_ shape: [Int], seed: UInt64, _ builder: GraphBuilder) throws -> ValueID {
        var random = SplitMix64(seed: seed)
        let values = (0..<shape.reduce(1, *)).map { _ in Double(random.int(-1000...1000)) / 1000 }
        return try builder.add(constant: HostTensor.fromDoubles(values, as: .float32, shape: shape))
    }

    @Test(arguments: [1, 2, 5, 16, 31, 100, 4097])
    func elementwiseAndReductions(_ n: Int) throws {
        let graph = try Support.graph([f32([3, IntExpr(n)]), f32([3, IntExpr(n)])]) { builder, x in
            let sum = try builder.add(Map(.add), x[0], x[1])
            return [
                sum, try builder.add(Transpose([1, 0]), x[0]), try builder.add(Reduce(.sum, axes: [1]), sum),
                try builder.add(Reduce(.max, axes: [0]), x[1]), try builder.add(Reduce(.min, axes: [0, 1]), x[1]),
            ]
        }
        try expectClose(graph, seed: UInt64(n), shapes: [[3, n], [3, n]])
    }

    /// Maximum, exponentials, their sum and the quotient in one kernel, the exponentials kept for the last pass.
    @Test(arguments: [(1, 3), (7, 37), (5, 16), (2, 200)])
    func softmaxRows(_ rows: Int, _ columns: Int) throws {
        let shape: [IntExpr] = [IntExpr(rows), IntExpr(columns)]
        let graph = try Support.graph([f32(shape)]) { builder, x in
            let top = try builder.add(Broadcast(shape: shape, axes: [0]), builder.add(Reduce(.max, axes: [1]), x[0]))
            let powers = try builder.add(Map(.exp), builder.add(Map(.sub), x[0], top))
            let total = try builder.add(Reduce(.sum, axes: [1]), powers)
            return [try builder.add(Map(.div), powers, builder.add(Broadcast(shape: shape, axes: [0]), total))]
        }
        try expectClose(graph, seed: 7, shapes: [[rows, columns]])
    }

    @Test(arguments: [(1, 8, 8), (6, 16, 64), (13, 31, 70), (49, 20, 130), (3, 1, 5)])
    func products(_ m: Int, _ k: Int, _ n: Int) throws {
        let weights = try Support.graph([f32([IntExpr(m), IntExpr(k)]), f32([IntExpr(m), IntExpr(n)])]) { builder, x in
            let product = try builder.add(
                Contract(batch: [], contracted: [(1, 0)], result: .float32), x[0],
                constant([k, n], seed: 3, builder))
            return [try builder.add(Map(.max), builder.add(Map(.add), product, x[1]), constant([], seed: 4, builder))]
        }
        try expectClose(weights, seed: 1, shapes: [[m, k], [m, n]])
        let activations = try Support.graph([f32([2, IntExpr(m), IntExpr(k)]), f32([2, IntExpr(n), IntExpr(k)])]) {
            [try $0.add(Contract(batch: [(0, 0)], contracted: [(2, 2)], result: .float32), $1[0], $1[1])]
        }
        try expectClose(activations, seed: 2, shapes: [[2, m, k], [2, n, k]])
    }

    /// One kernel for all numbers of rows: remainders of every height.
    @Test func productsOfSymbolicRows() throws {
        var symbols = SymbolTable()
        let rows = IntExpr(symbols.add("rows", lower: 0))
        let graph = try Support.graph([f32([rows, 33])], symbols: symbols) { builder, x in
            [
                try builder.add(
                    Contract(batch: [], contracted: [(1, 0)], result: .float32), x[0],
                    constant([33, 50], seed: 5, builder))
            ]
        }
        for count in [0, 1, 2, 5, 6, 7, 11, 40] { try expectClose(graph, seed: 9, shapes: [[count, 33]]) }
    }

    struct Convolution: Sendable {
        var channels = 8, size = 9, outputs = 16, kernel = 3, stride = 1, padding = 1, groups = 1, dilation = 1
    }

    @Test(arguments: [
        Convolution(), Convolution(channels: 3, size: 30, outputs: 20, kernel: 7, stride: 2, padding: 3),
        Convolution(channels: 32, size: 7, outputs: 33, kernel: 1, padding: 0),
        Convolution(channels: 16, size: 14, outputs: 70, stride: 2), Convolution(channels: 32, outputs: 32, groups: 32),
        Convolution(channels: 32, outputs: 64, groups: 4), Convolution(channels: 5, size: 12, padding: 2, dilation: 2),
        Convolution(channels: 20, size: 5, outputs: 1, kernel: 5, padding: 2),
    ])
    func convolutions(_ c: Convolution) throws {
        let pads: [IntExpr] = [IntExpr(c.padding), IntExpr(c.padding)]
        let type = f32([2, IntExpr(c.channels), IntExpr(c.size), IntExpr(c.size)])
        let graph = try Support.graph([type]) { builder, x in
            let weights = try constant([c.outputs, c.channels / c.groups, c.kernel, c.kernel], seed: 11, builder)
            let result = try builder.add(
                Convolve(
                    stride: [c.stride, c.stride], low: pads, high: pads, dilation: [c.dilation, c.dilation],
                    inputDilation: [1, 1], groups: c.groups, result: .float32), x[0], weights)
            return [try builder.add(Map(.abs), result)]
        }
        try expectClose(graph, seed: 12, shapes: [[2, c.channels, c.size, c.size]])
    }

    /// A reshape that divides the summed axis does not end the contraction.
    @Test func productOfMergedHeads() throws {
        let graph = try Support.graph([f32([2, 4, 7, 8])]) { builder, x in
            let merged = try builder.add(Reshape(shape: [2, 7, 32]), builder.add(Transpose([0, 2, 1, 3]), x[0]))
            return [
                try builder.add(
                    Contract(batch: [], contracted: [(2, 0)], result: .float32), merged,
                    constant([32, 40], seed: 13, builder))
            ]
        }
        try expectClose(graph, seed: 14, shapes: [[2, 4, 7, 8]])
    }

    /// Code grows with the layers that differ, not with their number.
    @Test func equalGroupsShareKernels() throws {
        let kernels = try [2, 9].map { layers in
            let graph = try Support.graph([f32([5, 24])]) { builder, x in
                var value = x[0]
                for layer in 0..<layers {
                    let product = try builder.add(
                        Contract(batch: [], contracted: [(1, 0)], result: .float32), value,
                        constant([24, 24], seed: UInt64(layer), builder))
                    let bias = try constant([24], seed: UInt64(100 + layer), builder)
                    let sum = try builder.add(
                        Map(.add), product, builder.add(Broadcast(shape: [5, 24], axes: [1]), bias))
                    value = try builder.add(Map(.tanh), sum)
                }
                return [value]
            }
            try expectClose(graph, seed: 3, shapes: [[5, 24]])
            return try Support.compile(graph).kernels.count
        }
        #expect(kernels[0] == kernels[1])
    }
}
