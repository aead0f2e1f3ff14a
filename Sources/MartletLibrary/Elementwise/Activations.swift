import MartletCore
public import MartletIR

// float16 and bfloat16 are computed in float32 wherever a function takes more than one step, and rounded once.

// MARK: - Functions of one operand

extension Tensor {
    /// max(x, 0).
    public func relu() throws -> Tensor { try mapped(.max, .constant(0, like: self)) }

    /// 1 / (1 + exp(-x)).
    public func sigmoid() throws -> Tensor { try inWideType { try 1 / (1 + (-$0).mapped(.exp)) } }

    /// 1 / x.
    public func reciprocal() throws -> Tensor { try (1 / self).checked() }

    /// max(x, 0) + log1p(exp(-|x|)), which is log(1 + exp(x)) without its overflow.
    public func softplus() throws -> Tensor {
        try inWideType { try $0.relu() + (-$0.mapped(.abs)).mapped(.exp).mapped(.log1p) }
    }

    /// x / (1 + |x|).
    public func softsign() throws -> Tensor { try inWideType { try $0 / (1 + $0.mapped(.abs)) } }

    /// x · tanh(softplus(x)) (Misra, 2019, arXiv:1908.08681).
    public func mish() throws -> Tensor { try inWideType { try $0 * $0.softplus().mapped(.tanh) } }

    /// Whether each element is NaN.
    public func isNaN() throws -> Tensor { try compared(.ne, self) }
}

// MARK: - Functions with parameters

extension Tensor {
    /// `alpha`·x where x < 0, x elsewhere.
    public func leakyRelu(alpha: Double) throws -> Tensor {
        let zero = try Tensor.constant(0, like: self)
        return try Tensor.select(compared(.lt, zero), self * alpha, self)
    }

    /// `slope`·x where x < 0, x elsewhere; the slope is broadcast.
    public func parametricRelu(slope: Tensor) throws -> Tensor {
        let zero = try Tensor.constant(0, like: self)
        return try Tensor.elementwise(
            .select, [compared(.lt, zero), Tensor.elementwise(.mul, [self, slope]), self])
    }

    /// `alpha`·(exp(x) - 1) where x < 0, x elsewhere.
    public func elu(alpha: Double) throws -> Tensor {
        try inWideType { x in
            try Tensor.select(x.compared(.lt, .constant(0, like: x)), x.mapped(.expm1) * alpha, x)
        }
    }

    /// max(0, x) + min(0, `alpha`·(exp(x/`alpha`) - 1)) (Barron, 2017, arXiv:1704.07483).
    public func celu(alpha: Double) throws -> Tensor {
        try inWideType { x in
            let zero = try Tensor.constant(0, like: x)
            return try x.mapped(.max, zero) + ((x / alpha).mapped(.expm1) * alpha).mapped(.min, zero)
        }
    }

    /// `gamma`·`alpha`·(exp(x) - 1) where x < 0, `gamma`·x elsewhere (Klambauer et al., 2017, arXiv:1706.02515).
    public func selu(alpha: Double, gamma: Double) throws -> Tensor {
        try inWideType { try $0.elu(alpha: alpha) * gamma }
    }

    /// x where x > `alpha`, 0 elsewhere.
    public func thresholdedRelu(alpha: Double) throws -> Tensor {
        let zero = try Tensor.constant(0, like: self)
        return try Tensor.select(compared(.gt, .constant(alpha, like: self)), self, zero)
    }

    /// max(0, min(1, `alpha`·x + `beta`)).
    public func hardSigmoid(alpha: Double, beta: Double) throws -> Tensor {
        try inWideType { x in
            try (x * alpha + beta).mapped(.min, .constant(1, like: x)).mapped(.max, .constant(0, like: x))
        }
    }

    /// x · max(0, min(1, `alpha`·x + `beta`)).
    public func hardSwish(alpha: Double, beta: Double) throws -> Tensor {
        try inWideType { try $0 * $0.hardSigmoid(alpha: alpha, beta: beta) }
    }

    /// x · sigmoid(`alpha`·x).
    public func swish(alpha: Double = 1) throws -> Tensor {
        try inWideType { try $0 * (alpha == 1 ? $0 : $0 * alpha).sigmoid() }
    }

    /// swish(x) · `value`, a tensor of the same shape (Shazeer, 2020, arXiv:2002.05202).
    public func swiGLU(_ value: Tensor, alpha: Double = 1) throws -> Tensor {
        try inWideType { try ($0.swish(alpha: alpha)).mapped(.mul, value.cast(to: $0.element)) }
    }

    /// x + `bias` where x < -`threshold`, x - `bias` where x > `threshold`, 0 between. Both are rounded to the
    /// element type, for integers toward zero.
    public func shrunk(threshold: Double, bias: Double) throws -> Tensor {
        let (zero, limit) = (try Tensor.constant(0, like: self), try Tensor.constant(threshold, like: self))
        let above = try Tensor.select(compared(.gt, limit), self - bias, zero)
        // Without negative elements there is nothing below; the negated limit would wrap round.
        guard try element.isSigned else { return above }
        return try Tensor.select(compared(.lt, -limit), self + bias, above)
    }

    /// min(max(x, `low`), `high`) with 0-d bounds, of which each may be missing. NaN stays.
    public func clamped(_ low: Tensor?, _ high: Tensor?) throws -> Tensor {
        var result = self
        if let low { result = try result.mapped(.max, low) }
        if let high { result = try result.mapped(.min, high) }
        return result
    }

    /// Whether each element is infinite, of the signs asked for.
    public func isInfinite(positive: Bool = true, negative: Bool = true) throws -> Tensor {
        let type = try element
        let x = type.bitWidth < 16 ? try cast(to: .float32) : self
        let limit = try Tensor.constant(.infinity, like: x)
        switch (positive, negative) {
        case (true, true): return try x.mapped(.abs).compared(.eq, limit)
        case (true, false): return try x.compared(.eq, limit)
        case (false, true): return try x.compared(.eq, -limit)
        case (false, false): return try x.compared(.ne, x).mapped(.and, Tensor(0, as: .bool))
        }
    }
}
