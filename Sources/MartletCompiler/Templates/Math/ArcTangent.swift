import MartletCore

extension VectorMath {
    /// The angle of the point (x, y), from -π to π, by C's rules for zeros and infinities.
    func atan2(_ y: Register, _ x: Register) -> Register {
        let (height, width) = (abs(y), abs(x))
        let isSteep = compare(.ogt, height, width)
        let (small, large) = (select(isSteep, width, height), select(isSteep, height, width))
        var (eighths, arc) = isDouble(y) ? doubleArc(small, large) : singleArc(small, large)
        // The result is eighths·π/4 + arc.
        (eighths, arc) = (select(isSteep, sub(2, eighths), eighths), select(isSteep, neg(arc), arc))
        let isLeft = isNegative(x)
        (eighths, arc) = (select(isLeft, sub(4, eighths), eighths), select(isLeft, neg(arc), arc))
        let (high, low) =
            isDouble(y)
            ? (0.7853981633974483, 3.061616997868383e-17) : (0.785398185253143311, -2.18556941433689557e-08)
        let angle = mad(eighths, high, mad(eighths, low, arc))
        return select(or(isNaN(x), isNaN(y)), add(x, y), withSign(angle, of: y))
    }

    /// The arc tangent of `small / large`, by one fit.
    private func singleArc(_ small: Register, _ large: Register) -> (eighths: Register, arc: Register) {
        let quotient = div(small, atLeast(0x1p-149, large))
        let t = select(compare(.oeq, small, .infinity), 1, quotient)
        let z = mul(t, t)
        return (constant(0, like: t), mad(mul(z, t), polynomial(z, Self.arcSingle), t))
    }

    /// The same; past tan(π/8) the arc is π/4 more than that of (t - 1) / (t + 1).
    private func doubleArc(_ small: Register, _ large: Register) -> (eighths: Register, arc: Register) {
        let ratio = ratioParts(small, large)
        let isWide = compare(.ogt, ratio.small, mul(ratio.large, 0.4142135623730951))
        let numerator = select(isWide, sub(ratio.small, ratio.large), ratio.small)
        let denominator = select(isWide, add(ratio.small, ratio.large), ratio.large)
        let t = div(numerator, denominator)
        let z = mul(t, t)
        return (select(isWide, 1, constant(0, like: t)), mad(mul(z, t), polynomial(z, Self.arcDouble), t))
    }

    /// Numbers of the same ratio whose sum does not overflow; of two zeros 0 and 1, of two infinities 1 and 1.
    private func ratioParts(_ small: Register, _ large: Register) -> (small: Register, large: Register) {
        let isInfinite = compare(.oeq, large, .infinity)
        let overInfinite = select(compare(.oeq, small, .infinity), 1, constant(0, like: small))
        let isHuge = compare(.ogt, large, 0x1p1000)
        let (scaledSmall, scaledLarge) = (mul(small, 0.25), mul(large, 0.25))
        let finiteSmall = select(isHuge, scaledSmall, small)
        let finiteLarge = select(isHuge, scaledLarge, large)
        let divisor = select(or(isInfinite, compare(.oeq, large, 0)), 1, finiteLarge)
        return (select(isInfinite, overInfinite, finiteSmall), divisor)
    }

    /// (atan(t) / t - 1) / t² in t², for t to 1.
    private static let arcSingle: [Double] = [
        -0.333333, 0.1999853, -0.14264016, 0.109508805, -0.08399306, 0.05788138, -0.031096961, 0.01086866,
        -0.0017828123,
    ]

    /// The same for t to tan(π/8).
    private static let arcDouble: [Double] = [
        -0.33333333333333326, 0.19999999999997647, -0.14285714285385184, 0.11111111088000251, -0.09090908138076874,
        0.07692282611883415, -0.06666224577979415, 0.058770003481042304, -0.05218265643567779, 0.04502982614612266,
        -0.033461200264528715, 0.015181628388569188,
    ]
}
