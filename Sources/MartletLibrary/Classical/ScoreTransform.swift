public import MartletIR

/// What is done to the scores of a model at the end.
public enum ScoreTransform: String, Sendable {
    case none = "NONE"
    case softmax = "SOFTMAX"
    case logistic = "LOGISTIC"
    /// Softmax among the scores that are not 0; those stay 0.
    case softmaxZero = "SOFTMAX_ZERO"
    case probit = "PROBIT"
}

extension Tensor {
    /// The scores of each row, transformed.
    public func scores(_ transform: ScoreTransform) throws -> Tensor {
        switch transform {
        case .none: return self
        case .softmax: return try softmax(axis: try rank - 1)
        case .logistic: return try sigmoid()
        case .softmaxZero: return try nonzeroSoftmax()
        case .probit: return try probit()
        }
    }

    private func nonzeroSoftmax() throws -> Tensor {
        let axis = try rank - 1
        let zero = try Tensor.constant(0, like: self)
        let counts = try mapped(.abs).compared(.gt, .constant(1e-7, like: self))
        let shifted = try (self - reduced(.max, axes: [axis], keepingAxes: true)).mapped(.exp)
        let powers = try Tensor.select(counts, shifted, zero)
        return try (powers / powers.reduced(.sum, axes: [axis], keepingAxes: true)).checked()
    }

    /// √2 · erf⁻¹(2x - 1), by Winitzki's approximation (2008).
    private func probit() throws -> Tensor {
        let x = self * 2 - 1
        let logarithm = try ((1 - x) * (1 + x)).mapped(.log)
        let half = logarithm * 0.5 + 2 / (Double.pi * 0.147)
        let root = try (half * half - logarithm * (1 / 0.147)).mapped(.sqrt) - half
        let magnitude = try root.mapped(.sqrt) * 1.4142135623730951
        return try Tensor.select(x.compared(.lt, .constant(0, like: self)), -magnitude, magnitude)
    }

    /// The scores of both classes from those (rows, 1) of the second one: their opposites, or what is left to 1.
    func pairedScores(_ transform: ScoreTransform, areShares: Bool) throws -> Tensor {
        let other: Tensor
        var own = self
        if areShares {
            other = 1 - self
        } else if transform == .logistic {
            (other, own) = (try (-self).sigmoid(), try sigmoid())
        } else {
            other = -self
        }
        return try Tensor.concatenate([other.checked(), own], axis: 1)
    }
}
