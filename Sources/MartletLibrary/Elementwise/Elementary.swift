import MartletCore
public import MartletIR

// Elementary functions that are no primitives. Errors, in units of the last place of float32, were measured on half a
// million points or more. float16 and bfloat16 are computed in float32.

extension Tensor {
    /// The tangent: sin x / cos x (2.8 ulp).
    public func tan() throws -> Tensor { try inWideType { try $0.mapped(.sin) / $0.mapped(.cos) } }

    /// The arc sine: atan2(x, √((1-x)(1+x))) (3.7 ulp).
    public func asin() throws -> Tensor { try inWideType { try $0.mapped(.atan2, $0.otherLeg()) } }

    /// The arc cosine: atan2(√((1-x)(1+x)), x) (3.5 ulp).
    public func acos() throws -> Tensor { try inWideType { try $0.otherLeg().mapped(.atan2, $0) } }

    /// The arc tangent.
    public func atan() throws -> Tensor { try inWideType { try $0.mapped(.atan2, .constant(1, like: $0)) } }

    /// √(1 - x²), without the loss of digits near ±1.
    private func otherLeg() throws -> Tensor { try ((1 - self) * (1 + self)).mapped(.sqrt) }

    /// The hyperbolic sine (6.3 ulp).
    public func sinh() throws -> Tensor {
        try inWideType { x in
            let magnitude = try x.mapped(.abs)
            let small = try magnitude.mapped(.expm1)
            let near = (small + small / (small + 1)) * 0.5
            let (rising, falling) = try magnitude.halfExponentials()
            let isNear = try magnitude.compared(.lt, .constant(1, like: x))
            return try Tensor.select(isNear, near, rising - falling) * x.mapped(.sign)
        }
    }

    /// The hyperbolic cosine (4.8 ulp).
    public func cosh() throws -> Tensor {
        try inWideType { x in
            let (rising, falling) = try x.mapped(.abs).halfExponentials()
            return rising + falling
        }
    }

    /// exp(x)/2 and exp(-x)/2 of positive elements, by way of exp(x/2): exp(x) overflows where its half does not.
    private func halfExponentials() throws -> (rising: Tensor, falling: Tensor) {
        let root = try (self * 0.5).mapped(.exp)
        return ((root * 0.5) * root, 0.5 / root / root)
    }

    /// The inverse of the hyperbolic sine: ±log1p(a + a²/(√(a²+1)+1)), a = |x| (1.8 ulp).
    public func asinh() throws -> Tensor {
        try inWideType { x in
            let magnitude = try x.mapped(.abs)
            let square = magnitude * magnitude
            let near = try (magnitude + square / ((square + 1).mapped(.sqrt) + 1)).mapped(.log1p)
            return try magnitude.logarithmOfDouble(whereLarge: near) * x.mapped(.sign)
        }
    }

    /// The inverse of the hyperbolic cosine: log1p(t + √t·√(t+2)), t = x - 1 (1.9 ulp); NaN below 1.
    public func acosh() throws -> Tensor {
        try inWideType { x in
            let excess = x - 1
            let near = try (excess + excess.mapped(.sqrt) * (excess + 2).mapped(.sqrt)).mapped(.log1p)
            return try x.logarithmOfDouble(whereLarge: near)
        }
    }

    /// log 2x where x > 10⁹, whose square may overflow, `near` elsewhere.
    private func logarithmOfDouble(whereLarge near: Tensor) throws -> Tensor {
        let isLarge = try compared(.gt, .constant(1e9, like: self))
        return try Tensor.select(isLarge, mapped(.log) + 0.6931471805599453, near)
    }

    /// The inverse of the hyperbolic tangent: ±log1p(2a/(1-a))/2, a = |x| (2.3 ulp).
    public func atanh() throws -> Tensor {
        try inWideType { x in
            let magnitude = try x.mapped(.abs)
            return try ((magnitude * 2) / (1 - magnitude)).mapped(.log1p) * 0.5 * x.mapped(.sign)
        }
    }
}
