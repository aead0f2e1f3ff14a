public import MartletCore

extension Tensor {
    /// Sums products over pairs of axes (of this tensor, of `other`). Result axes: batch, free of this, free of `other`.
    ///
    /// - Parameter result: element type of the result; this tensor's by default.
    public func contracted(
        with other: Tensor, batch: [(Int, Int)] = [], contracted: [(Int, Int)], result: ElementType? = nil
    ) throws -> Tensor {
        let type = try result ?? element
        return try Tensor.apply(Contract(batch: batch, contracted: contracted, result: type), self, other)
    }

    /// Convolution of this tensor (N, C, spatial…) with weights (O, C / groups, spatial…); see `Convolve`.
    ///
    /// Strides and dilations are 1, padding 0 by default; `result` is this tensor's element type by default.
    public func convolved(
        with weights: Tensor, stride: [Int]? = nil, low: [IntExpr]? = nil, high: [IntExpr]? = nil,
        dilation: [Int]? = nil, inputDilation: [Int]? = nil, groups: Int = 1, result: ElementType? = nil
    ) throws -> Tensor {
        let spatial = Swift.max(try rank - 2, 0)
        let ones = [Int](repeating: 1, count: spatial)
        let zeros = [IntExpr](repeating: 0, count: spatial)
        let operation = Convolve(
            stride: stride ?? ones, low: low ?? zeros, high: high ?? zeros, dilation: dilation ?? ones,
            inputDilation: inputDilation ?? ones, groups: groups, result: try result ?? element)
        return try Tensor.apply(operation, self, weights)
    }
}
