public import MartletIR

extension Tensor {
    /// `alpha`·A·B + `beta`·C for matrices, of which A and B may be transposed; C is broadcast.
    public func gemm(
        _ b: Tensor, _ c: Tensor?, alpha: Double = 1, beta: Double = 1, transposeA: Bool = false,
        transposeB: Bool = false
    ) throws -> Tensor {
        var product = try contracted(with: b, contracted: [(transposeA ? 0 : 1, transposeB ? 1 : 0)])
        if alpha != 1 { product = product * alpha }
        guard let c, beta != 0 else { return try product.checked() }
        return try Tensor.elementwise(.add, [product, beta == 1 ? c : c * beta])
    }
}
