import MartletCore

extension VectorMath {
    /// The remainder of `a / b` with the sign of `a`, exactly: C's `fmod`.
    func rem(_ a: Register, _ b: Register) -> Register {
        guard isDouble(a) else { return narrowed(rem(widened(a), widened(b))) }
        let (dividend, divisor) = (abs(a), abs(b))
        let regular = and(
            compare(.olt, dividend, .infinity), and(compare(.ogt, divisor, 0), compare(.ole, divisor, .infinity)))
        let ratio = div(dividend, divisor)
        // Past the bound, or where the divisor's products may be denormal, the quotient takes several steps.
        let isFar = and(regular, or(compare(.oge, ratio, stepBound), compare(.olt, divisor, 0x1p-900)))
        let near = oneStep(dividend, divisor, ratio)
        let reduced = branch(ifAny: isFar, slow: { [manySteps(dividend, divisor)] }, fast: [near])[0]
        let chosen = select(compare(.olt, dividend, divisor), dividend, reduced)
        return select(regular, withSign(chosen, of: a), .nan)
    }

    /// Binary digits of a quotient that one step takes off.
    private var stepBits: Int { machine.hasFMA ? 50 : 20 }
    private var stepBound: Double { machine.hasFMA ? 0x1p50 : 0x1p20 }

    /// The remainder where the quotient is below the step's bound.
    private func oneStep(_ dividend: Register, _ divisor: Register, _ ratio: Register) -> Register {
        let quotient = builder.unary(.trunc, ratio)
        let rest = exactDifference(dividend, quotient, divisor)
        // The rounded quotient may be one too high.
        return select(compare(.olt, rest, 0), add(rest, divisor), rest)
    }

    /// `a - q·b`, which is a number of the format, without rounding.
    private func exactDifference(_ a: Register, _ q: Register, _ b: Register) -> Register {
        if machine.hasFMA { return builder.fma(neg(q), b, a) }
        let high = value(bits: builder.binary(.and, bits(b), integer(0xFFFF_FFFF_F800_0000, like: b)))
        return sub(sub(a, mul(q, high)), mul(q, sub(b, high)))
    }

    /// Long division: mantissas, and the difference of exponents step by step.
    private func manySteps(_ dividend: Register, _ divisor: Register) -> Register {
        let (a, b) = (normalised(dividend), normalised(divisor))
        let distance = builder.binary(.sub, a.exponent, b.exponent)
        let step = builder.int(stepBits, kind(distance))
        let most = combined(distance) { builder.binary(.smax, $0, $1) }
        let turns = builder.binary(
            .add, builder.div(builder.max(most, builder.int(0)), builder.int(stepBits)), builder.int(1))
        let results = builder.loop(
            from: builder.int(0), to: turns, step: builder.int(1), carrying: [a.mantissa, distance]
        ) { _, carried in
            let bounded = builder.binary(.smax, builder.binary(.smin, carried[1], step), builder.int(0, kind(step)))
            let grown = mul(carried[0], power(bounded))
            let rest = oneStep(grown, b.mantissa, div(grown, b.mantissa))
            return [rest, builder.binary(.sub, carried[1], bounded)]
        }
        // A negative distance is a dividend below the divisor, which the caller keeps as it is.
        return scaledBack(results[0], b.exponent)
    }

    /// `2^n` for small n.
    private func power(_ n: Register) -> Register {
        let biased = builder.binary(.add, n, builder.int(1023, kind(n)))
        return value(bits: builder.binary(.shl, biased, builder.int(52, kind(n))))
    }

    /// The mantissa from 1 to 2 and the exponent with its bias, of a finite number that is not negative.
    private func normalised(_ x: Register) -> (mantissa: Register, exponent: Register) {
        let isSmall = compare(.olt, x, 0x1p-1022)
        let normal = bits(select(isSmall, mul(x, 0x1p54), x))
        let lift = select(isSmall, integer(54, like: x), integer(0, like: x))
        let biased = builder.binary(.lshr, normal, integer(52, like: x))
        let fraction = builder.binary(.and, normal, integer(0xF_FFFF_FFFF_FFFF, like: x))
        let mantissa = builder.binary(.or, fraction, integer(0x3FF0_0000_0000_0000, like: x))
        return (value(bits: mantissa), builder.binary(.sub, biased, lift))
    }

    /// `x·2^(exponent - bias)` in two exact factors; the exponent may be that of a denormal number.
    private func scaledBack(_ x: Register, _ exponent: Register) -> Register {
        let raised = builder.binary(.add, exponent, integer(54, like: x))
        let half = builder.binary(.lshr, raised, integer(1, like: x))
        let rest = builder.binary(.sub, raised, half)
        // 1023 + 54 is shared out among the factors' biases.
        let first = builder.binary(.add, half, integer(1023 - 538, like: x))
        let second = builder.binary(.add, rest, integer(1023 - 539, like: x))
        let shift = integer(52, like: x)
        let once = mul(x, value(bits: builder.binary(.shl, first, shift)))
        return mul(once, value(bits: builder.binary(.shl, second, shift)))
    }
}
