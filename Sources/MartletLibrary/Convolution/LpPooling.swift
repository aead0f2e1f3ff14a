public import MartletIR

extension Tensor {
    /// (Σ |x|^p)^(1/p) along `axes`.
    public func lpReduced(_ p: Double, axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
        try inWideType { x in
            let powers = p == 1 ? try x.mapped(.abs) : p == 2 ? x * x : try x.mapped(.abs).power(p)
            let sums = try powers.checked().reduced(.sum, axes: axes, keepingAxes: keepingAxes)
            return p == 1 ? sums : p == 2 ? try sums.mapped(.sqrt) : try sums.power(1 / p)
        }
    }

    /// (Σ |x|^p)^(1/p) of each window; padding counts as zeros.
    public func lpPooled(_ windows: PoolingWindows, p: Double) throws -> Tensor {
        let rank = try rank
        return try self.windows(windows, fill: .constant(0, like: self))
            .lpReduced(p, axes: Array(rank..<rank + windows.kernel.count))
    }

    private func power(_ exponent: Double) throws -> Tensor { try mapped(.pow, .constant(exponent, like: self)) }
}
