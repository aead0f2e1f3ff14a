import MartletCore
import MartletIR
import MartletLibrary
import Testing

@Suite("Library: products")
struct LinearTests {
    /// Shapes of a and b.
    @Test(arguments: [
        ([3], [3]), ([3], [3, 2]), ([2, 3], [3]), ([2, 3], [3, 4]), ([5, 2, 3], [3, 4]), ([2, 3], [5, 3, 4]),
        ([5, 2, 3], [5, 3, 4]), ([1, 2, 3], [5, 3, 4]), ([6, 1, 2, 3], [5, 3, 4]), ([6, 1, 2, 3], [1, 5, 3, 4]),
        ([3], [5, 3, 4]), ([4, 1, 6, 2, 3], [5, 1, 3, 2]), ([0, 2, 3], [0, 3, 4]),
    ])
    func matmulFollowsNumPy(_ a: [Int], _ b: [Int]) throws {
        let (left, right) = (try numbers(a), try numbers(b, seed: 2))
        let product = try left.matmul(right)
        // The naive form: both broadcast to one batch, vectors as matrices.
        let (x, y) = (a.count == 1 ? [1] + a : a, b.count == 1 ? b + [1] : b)
        let batch = Sizes.broadcast(x.dropLast(2).map { IntExpr($0) }, y.dropLast(2).map { IntExpr($0) })
        let wide = { (tensor: Tensor, shape: [Int]) in
            try tensor.reshaped(to: shape.map { IntExpr($0) })
                .expanded(to: batch + shape.suffix(2).map { IntExpr($0) })
        }
        let pairs = batch.indices.map { ($0, $0) }
        let last = batch.count
        var expected = try wide(left, x).contracted(with: wide(right, y), batch: pairs, contracted: [(last + 1, last)])
        if b.count == 1 { expected = try expected.squeezed(axes: [last + 1]) }
        if a.count == 1 { expected = try expected.squeezed(axes: [last]) }
        #expect(try product.distance(to: expected) == 0)
    }

    @Test func aMatrixOnTheRightNeedsOneContraction() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let x = recorder.input("x", TensorType(.float32, [n, n, 3]))
        let graph = try recorder.record {
            try recorder.finish([(name: "y", tensor: try x.matmul(numbers([3, 4])))])
        }
        #expect(graph.nodes.count == 2)
    }

    @Test func gemmScalesAndTransposes() throws {
        let (a, b) = (try numbers([3, 2]), try numbers([4, 3], seed: 3))
        let result = try a.gemm(
            b, try tensor([1, 2, 3, 4], [4]), alpha: 2, beta: 0.5, transposeA: true, transposeB: true)
        let expected = try a.transposed([1, 0]).matmul(b.transposed([1, 0])) * 2 + tensor([0.5, 1, 1.5, 2], [1, 4])
        #expect(try result.distance(to: expected) < 1e-6)
    }
}
