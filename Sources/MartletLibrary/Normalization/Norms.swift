import MartletCore
public import MartletIR

extension Tensor {
    /// x / ‖x‖ along `axis`, with the sum of magnitudes as norm for `order` 1, the Euclidean norm for 2; 0 where the
    /// norm is 0.
    ///
    /// - Throws: `type.norm` for other orders.
    public func normalized(order: Int, axis: Int) throws -> Tensor {
        guard order == 1 || order == 2 else {
            throw Diagnostic("type.norm", "norms of order \(order) are not supported")
        }
        return try inWideType { x in
            let norm =
                order == 1
                ? try x.mapped(.abs).reduced(.sum, axes: [axis], keepingAxes: true)
                : try (x * x).reduced(.sum, axes: [axis], keepingAxes: true).mapped(.sqrt)
            let zero = try Tensor.constant(0, like: x)
            return try Tensor.select(norm.compared(.eq, zero), zero, x / norm)
        }
    }

    /// (x - mean) / (σ + `epsilon`) along `axes`, with the standard deviation σ.
    public func standardized(axes: [Int], addingToDeviation epsilon: Double) throws -> Tensor {
        try inWideType { x in
            let centred = try x - x.mean(axes: axes, keepingAxes: true)
            let deviation = try (centred * centred).mean(axes: axes, keepingAxes: true).mapped(.sqrt)
            return centred / (deviation + epsilon)
        }
    }

    /// Local response normalisation (Krizhevsky et al., 2012): x / (bias + alpha/size · s)^beta, where s is the sum of
    /// squares over the `size` channels around each element of a tensor (N, C, …).
    public func locallyNormalized(size: Int, alpha: Double, beta: Double, bias: Double) throws -> Tensor {
        guard size > 0, size < 1 << 30, try rank >= 2 else {
            throw Diagnostic("type.norm", "a region of \(size) channels does not fit a tensor of rank \(try rank)")
        }
        return try inWideType { x in
            var low = [IntExpr](repeating: 0, count: try x.rank), high = low
            (low[1], high[1]) = (IntExpr((size - 1) / 2), IntExpr(size / 2))
            let squares = try (x * x).padded(low: low, high: high, with: .constant(0, like: x))
            let windows = try squares.windowed([Window.Axis(axis: 1, size: IntExpr(size))])
            let sum = try windows.reduced(.sum, axes: [x.rank])
            let base = sum * (alpha / Double(size)) + bias
            return try x / base.mapped(.pow, .constant(beta, like: x))
        }
    }
}
