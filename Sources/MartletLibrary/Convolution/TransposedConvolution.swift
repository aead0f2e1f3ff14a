public import MartletCore
public import MartletIR

/// Which part of a transposed convolution's full result is kept along each spatial axis.
public enum TransposedExtent: Sendable {
    /// All but so many elements at the start and at the end.
    case without(low: [Int], high: [Int])
    /// So many elements; an odd one of those left out comes from the end, or from the start if `oddBefore`.
    case sizes([IntExpr], oddBefore: Bool)

    /// Numbers of elements left out at the start and the end, of results with these extents.
    func cuts(of full: [IntExpr]) throws -> (low: [IntExpr], high: [IntExpr]) {
        switch self {
        case .without(let low, let high):
            guard low.count == full.count, high.count == full.count else {
                throw Diagnostic("type.pads", "\(low.count) and \(high.count) pads for \(full.count) axes")
            }
            return (low.map { IntExpr($0) }, high.map { IntExpr($0) })
        case .sizes(let sizes, let oddBefore):
            guard sizes.count == full.count else {
                throw Diagnostic("type.pads", "\(sizes.count) sizes for \(full.count) axes")
            }
            let low = zip(full, sizes).map { extent, size in
                let total = IntExpr.max(0, extent - size)
                return Sizes.simplified(oddBefore ? total.ceilDivided(by: 2) : total.floorDivided(by: 2))
            }
            // What lacks of a larger size is added at the end.
            return (low, full.indices.map { Sizes.simplified(full[$0] - sizes[$0] - low[$0]) })
        }
    }
}

extension Tensor {
    /// Transposed convolution, the gradient of a convolution: each element adds its multiple of the weights to the
    /// result, `stride` elements further for each step.
    ///
    /// - Parameters:
    ///   - weights: (C, M / groups, spatial…).
    ///   - bias: M elements.
    ///   - extra: elements more at the end of each spatial axis.
    public func transposedConvolution(
        _ weights: Tensor, bias: Tensor? = nil, stride: [Int], dilation: [Int], extent: TransposedExtent,
        extra: [Int]? = nil, groups: Int = 1
    ) throws -> Tensor {
        let (own, kernel) = (Array(try shape.dropFirst(2)), Array(try weights.shape.dropFirst(2)))
        let extra = extra ?? own.map { _ in 0 }
        guard [kernel.count, stride.count, dilation.count, extra.count].allSatisfy({ $0 == own.count }) else {
            throw Diagnostic("type.rank", "kernel, strides, dilations or padding do not fit \(own.count) spatial axes")
        }
        let spans = own.indices.map { (kernel[$0] - 1) * IntExpr(dilation[$0]) + 1 }
        let full = own.indices.map {
            Sizes.simplified((own[$0] - 1) * IntExpr(stride[$0]) + spans[$0] + IntExpr(extra[$0]))
        }
        let cuts = try extent.cuts(of: full)
        let low = own.indices.map { Sizes.simplified(spans[$0] - 1 - cuts.low[$0]) }
        let high = own.indices.map { Sizes.simplified(spans[$0] - 1 + IntExpr(extra[$0]) - cuts.high[$0]) }
        let product = try convolved(
            with: weights.transposedWeights(groups), low: low, high: high, dilation: dilation, inputDilation: stride,
            groups: groups)
        guard let bias else { return product }
        return try (product + bias.broadcast(to: product.shape, axes: [1])).checked()
    }

    /// (C, M / groups, spatial…) as (M, C / groups, spatial…) with the spatial axes turned round.
    private func transposedWeights(_ groups: Int) throws -> Tensor {
        let extents = try shape
        guard groups > 0, extents[0].constant.map({ $0 % groups == 0 }) ?? true else {
            throw Diagnostic("type.groups", "\(extents[0]) input channels do not divide into \(groups) groups")
        }
        let (spatial, inputs) = (Array(extents.dropFirst(2)), extents[0].floorDivided(by: IntExpr(groups)))
        let grouped = try reshaped(to: [IntExpr(groups), inputs, extents[1]] + spatial)
        let swapped = try grouped.transposed([0, 2, 1] + Array(3..<spatial.count + 3))
        let merged = try swapped.reshaped(to: [extents[1] * IntExpr(groups), inputs] + spatial)
        let shape = try merged.shape
        return try merged.sliced(
            start: [0, 0] + spatial.map { $0 - 1 }, size: shape, step: [1, 1] + spatial.map { _ in -1 })
    }
}
