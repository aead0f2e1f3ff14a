import MartletCore

// log and log1p: x = 2^e·m with m about 1, and log m by a minimax fit in f = m - 1.

extension VectorMath {
    /// Natural logarithm; minus infinity at zeros, NaN below.
    func log(_ x: Register) -> Register {
        let parts = split(x)
        return logarithmLimits(x, logarithm(fraction: sub(parts.mantissa, 1), exponent: parts.exponent))
    }

    /// `log(1 + x)`.
    func log1p(_ x: Register) -> Register {
        let sum = add(x, 1)
        let parts = split(sum)
        // What the addition lost, in the scale of the mantissa; nothing where x is huge.
        let isHuge = compare(.oge, x, 0x1p60)
        let lost = select(isHuge, 0, sub(x, sub(sum, 1)))
        let biased = select(isHuge, integer(UInt64(format(x).bias), like: x), parts.biased)
        let fraction = mad(lost, inversePower(biased, like: x), sub(parts.mantissa, 1))
        let result = withSign(logarithm(fraction: fraction, exponent: parts.exponent), of: x)
        return logarithmLimits(sum, result)
    }

    /// `result`, but what logarithms are of zeros, negative numbers, infinity and NaN.
    private func logarithmLimits(_ x: Register, _ result: Register) -> Register {
        let regular = and(compare(.ogt, x, 0), compare(.olt, x, .infinity))
        let zero = select(compare(.oeq, x, 0), constant(-.infinity, like: x), constant(.nan, like: x))
        let limit = select(compare(.ole, x, 0), zero, x)
        return select(regular, result, limit)
    }

    /// A positive number's exponent and its mantissa: from √½ to √2 in f64, from 2/3 to 4/3 in f32.
    func split(_ x: Register) -> (exponent: Register, mantissa: Register, biased: Register) {
        let isSmall = compare(.olt, x, format(x).leastNormal)
        let lift = isDouble(x) ? 54 : 25
        let factor = Double(sign: .plus, exponent: lift, significand: 1)
        let parts = splitNormal(select(isSmall, mul(x, factor), x))
        return (select(isSmall, sub(parts.exponent, Double(lift)), parts.exponent), parts.mantissa, parts.biased)
    }

    /// The same of a number that is not denormal.
    func splitNormal(_ x: Register) -> (exponent: Register, mantissa: Register, biased: Register) {
        let format = format(x)
        let start = integer(isDouble(x) ? 0x3FE6_A09E_667F_3BCD : 0x3F2A_AAAB, like: x)
        let offset = builder.binary(.sub, integer(format.one, like: x), start)
        let moved = builder.binary(.add, bits(x), offset)
        let biased = builder.binary(.lshr, moved, integer(UInt64(format.fractionBits), like: x))
        let fraction = builder.binary(.and, moved, integer(format.fractionMask, like: x))
        let mantissa = value(bits: builder.binary(.add, fraction, start))
        return (sub(float(biased), format.integerBase + Double(format.bias)), mantissa, biased)
    }

    /// A small integer that is not negative as a float, above `integerBase`.
    private func float(_ x: Register) -> Register {
        let base = kind(x).scalar == .i64 ? (0x1p52).bitPattern : UInt64(Float(0x1p23).bitPattern)
        return value(bits: builder.binary(.or, x, integer(base, like: x)))
    }

    /// `2^-e` of an exponent with its bias; exact for e below the highest.
    private func inversePower(_ biased: Register, like x: Register) -> Register {
        let format = format(x)
        let inverse = builder.binary(.sub, integer(UInt64(2 * format.bias), like: x), biased)
        return value(bits: builder.binary(.shl, inverse, integer(UInt64(format.fractionBits), like: x)))
    }

    /// `exponent·ln 2 + log(1 + fraction)`.
    private func logarithm(fraction f: Register, exponent: Register) -> Register {
        if isDouble(f) { return doubleLogarithm(fraction: f, exponent: exponent) }
        let fromFraction = mad(mul(f, f), polynomial(f, Self.logarithmSingle), f)
        return mad(exponent, 0.6931471805599453, fromFraction)
    }

    /// By the formula of fdlibm's e_log.c with s = f / (2 + f): log(1 + f) = f - (f²/2 - s·(f²/2 + R(s²))).
    private func doubleLogarithm(fraction f: Register, exponent: Register) -> Register {
        let s = div(f, add(f, 2))
        let z = mul(s, s)
        let series = mul(z, polynomial(z, Self.logarithmDouble))
        let halfSquare = mul(mul(f, f), 0.5)
        let correction = mad(s, add(halfSquare, series), mul(exponent, 1.9082149292705877e-10))
        return sub(mul(exponent, 0x1.62e42feep-1), sub(sub(halfSquare, correction), f))
    }

    /// (log(1 + f) - f) / f² for |f| <= 1/3.
    private static let logarithmSingle: [Double] = [
        -0.5, 0.33333215, -0.24999806, 0.20010427, -0.16680196, 0.14005734, -0.121874794, 0.13984594, -0.12880042,
    ]

    private static let logarithmDouble: [Double] = [
        0.6666666666666735, 0.3999999999940749, 0.28571428744141936, 0.22222198378394448, 0.1818357517084453,
        0.15313755601769538, 0.14799067851419437,
    ]
}
