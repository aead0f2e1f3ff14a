public import MartletCore
public import MartletIR

/// Padding of the spatial axes of a convolution or pooling.
public enum SpatialPadding: Sendable {
    /// Elements before and behind each axis.
    case explicit(low: [Int], high: [Int])
    /// So much that the result has ⌈n / stride⌉ elements; an odd one goes behind, or before if `before`.
    case same(before: Bool)

    /// No padding.
    public static let valid = SpatialPadding.explicit(low: [], high: [])

    /// Elements before and behind each spatial axis.
    ///
    /// - Parameters:
    ///   - extents: extents of the spatial axes.
    ///   - kernel: extents of the window.
    func resolved(
        _ extents: [IntExpr], kernel: [IntExpr], stride: [Int], dilation: [Int]
    ) throws -> (low: [IntExpr], high: [IntExpr]) {
        switch self {
        case .explicit(let low, let high):
            let zeros = [IntExpr](repeating: 0, count: extents.count)
            if low.isEmpty && high.isEmpty { return (zeros, zeros) }
            guard low.count == extents.count, high.count == extents.count else {
                throw Diagnostic("type.pads", "\(low.count) and \(high.count) pads for \(extents.count) axes")
            }
            return (low.map { IntExpr($0) }, high.map { IntExpr($0) })
        case .same(let isBefore):
            let totals = extents.indices.map { axis -> IntExpr in
                let step = IntExpr(stride[axis])
                let span = (kernel[axis] - 1) * IntExpr(dilation[axis]) + 1
                let last = (extents[axis].ceilDivided(by: step) - 1) * step
                return Sizes.simplified(.max(0, last + span - extents[axis]))
            }
            let smaller = totals.map { $0.floorDivided(by: 2) }
            let larger = zip(totals, smaller).map { $0 - $1 }
            return isBefore ? (larger, smaller) : (smaller, larger)
        }
    }
}

extension Tensor {
    /// Convolution with weights (O, C / groups, spatial…) and a bias of O elements.
    ///
    /// - Parameter result: element type of the sums, this tensor's by default.
    public func convolution(
        _ weights: Tensor, bias: Tensor? = nil, stride: [Int], padding: SpatialPadding, dilation: [Int],
        groups: Int = 1, result: ElementType? = nil
    ) throws -> Tensor {
        let spatial = Array(try shape.dropFirst(2))
        guard stride.count == spatial.count, dilation.count == spatial.count, (stride + dilation).allSatisfy({ $0 > 0 })
        else { throw Diagnostic("type.range", "strides \(stride) or dilations \(dilation) do not fit the axes") }
        let (low, high) = try padding.resolved(
            spatial, kernel: Array(weights.shape.dropFirst(2)), stride: stride, dilation: dilation)
        let product = try convolved(
            with: weights, stride: stride, low: low, high: high, dilation: dilation, groups: groups,
            result: result)
        guard let bias else { return product }
        return try (product + bias.broadcast(to: product.shape, axes: [1])).checked()
    }
}
