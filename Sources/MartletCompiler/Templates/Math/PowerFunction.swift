import MartletCore

extension VectorMath {
    /// `a` to the power `b`, by C's rules.
    func pow(_ a: Register, _ b: Register) -> Register {
        let base = abs(a)
        let magnitude =
            isDouble(a)
            ? doublePower(base, b) : narrowed(singlePower(widened(base), widened(b)))
        // One to any power, and the powers of minus one to infinities, are one.
        let isUnit = and(compare(.oeq, base, 1), compare(.oeq, b, b))
        let sized = select(isUnit, 1, magnitude)
        let signed = withBaseSign(sized, a, b)
        let isOne = or(compare(.oeq, b, 0), compare(.oeq, a, 1))
        return select(isOne, 1, signed)
    }

    /// Negative where `a` is and `b` is an odd integer, NaN where `a` is negative and finite and `b` no integer.
    private func withBaseSign(_ magnitude: Register, _ a: Register, _ b: Register) -> Register {
        let half = mul(b, 0.5)
        let isWhole = compare(.oeq, builder.unary(.trunc, b), b)
        let isOdd = and(isWhole, compare(.une, builder.unary(.trunc, half), half))
        let signed = select(and(isOdd, isNegative(a)), neg(magnitude), magnitude)
        let finiteNegative = and(compare(.olt, a, 0), compare(.ogt, a, -.infinity))
        // Numbers this large are even integers; infinities count as such.
        let isFraction = compare(.une, builder.unary(.trunc, b), b)
        return select(and(finiteNegative, isFraction), .nan, signed)
    }

    /// For operands that are numbers of f32: fits whose error, 2^-29, is far below what f32 shows. Results that are
    /// numbers of f32, such as powers of small integers, come out exactly.
    private func singlePower(_ base: Register, _ exponent: Register) -> Register {
        let parts = splitNormal(base)
        let s = div(sub(parts.mantissa, 1), add(parts.mantissa, 1))
        let series = polynomial(mul(s, s), Self.logarithmOfTwo)
        let logarithm = mad(s, series, parts.exponent)
        let isRegular = and(compare(.ogt, base, 0), compare(.olt, base, .infinity))
        let limit = select(compare(.oeq, base, 0), -.infinity, base)
        let total = mul(exponent, select(isRegular, logarithm, limit))
        let bounded = atMost(300, atLeast(-300, total))
        let rounder = format(base).rounder
        let sum = add(bounded, rounder)
        let remainder = sub(bounded, sub(sum, rounder))
        let turns = builder.binary(.shl, bits(sum), integer(52, like: base))
        let power = builder.binary(.add, turns, integer(format(base).one, like: base))
        return mul(polynomial(remainder, Self.powerOfTwo), value(bits: power))
    }

    /// With the logarithm in two registers, since a power magnifies its error up to 745 times.
    private func doublePower(_ base: Register, _ exponent: Register) -> Register {
        let bounded = atMost(0x1p65, atLeast(-0x1p65, exponent))
        let logarithm = wideLogarithm(base)
        let head = twoProduct(bounded, logarithm.high)
        let total = head.high
        let tail = mad(bounded, logarithm.low, head.low)
        let isRegular = compare(.olt, abs(total), 1100)
        return exp(total, tail: select(isRegular, tail, 0))
    }

    /// The logarithm of a number that is not negative to about 64 bits, as a sum of two.
    private func wideLogarithm(_ x: Register) -> (high: Register, low: Register) {
        let parts = split(x)
        let s = wideQuotient(sub(parts.mantissa, 1))
        let z = product(s, s)
        // log m = s·(2 + z·(2/3 + z·G(z)))
        let tail = mad(z.high, polynomial(z.high, Self.powerSeries), 3.700743415417188e-17)
        let inner = quickTwoSum(constant(0.6666666666666666, like: x), tail)
        let scaled = product(z, inner)
        let outer = quickTwoSum(constant(2, like: x), scaled.high)
        let logarithm = product(s, (outer.high, add(outer.low, scaled.low)))
        let high = twoSum(mul(parts.exponent, 0x1.62e42feep-1), logarithm.high)
        let low = add(high.low, mad(parts.exponent, 1.9082149292705877e-10, logarithm.low))
        let sum = quickTwoSum(high.high, low)
        let isRegular = and(compare(.ogt, x, 0), compare(.olt, x, .infinity))
        let limit = select(compare(.oeq, x, 0), -.infinity, x)
        return (select(isRegular, sum.high, limit), select(isRegular, sum.low, 0))
    }

    /// `f / (2 + f)` to twice the precision.
    private func wideQuotient(_ f: Register) -> (high: Register, low: Register) {
        let divisor = quickTwoSum(constant(2, like: f), f)
        let high = div(f, divisor.high)
        let rest = sub(residual(f, high, divisor.high), mul(high, divisor.low))
        return quickTwoSum(high, div(rest, divisor.high))
    }

    /// log2 m / s in s², for s = (m - 1) / (m + 1) and m from √½ to √2.
    private static let logarithmOfTwo: [Double] = [
        2.885390081790204, 0.961796673182149, 0.5770836174588782, 0.41167066122131385, 0.34077000183601586,
    ]

    /// 2^r for |r| <= 1/2.
    private static let powerOfTwo: [Double] = [
        1.0000000005542165, 0.6931472057363157, 0.24022646890244073, 0.05550328777155645, 0.009618488984344186,
        0.0013399931342978567, 0.0001534580734949656,
    ]

    /// (2·atanh(s) / s - 2 - 2/3·s²) / s⁴ in s².
    private static let powerSeries: [Double] = [
        0.4000000000000229, 0.2857142857008369, 0.22222222522887525, 0.18181784097278378, 0.15386770206475844,
        0.13256508310426468, 0.1319928402220668,
    ]
}
