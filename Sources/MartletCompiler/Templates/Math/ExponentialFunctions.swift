import MartletCore

// exp, expm1 and tanh: x = n·ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, and 2^n made by shifts. The polynomials
// are minimax fits of (e^r - 1 - r) / r².

extension VectorMath {
    /// `e^x`.
    func exp(_ x: Register) -> Register { exp(x, tail: nil) }

    /// `e^(x + tail)` for a tail below the precision of `x`.
    func exp(_ x: Register, tail: Register?) -> Register {
        let bounds = isDouble(x) ? (-746.0, 710.0) : (-104.0, 89.0)
        let clamped = atMost(bounds.1, atLeast(bounds.0, x))
        let (turns, remainder) = reducedByLn2(clamped)
        let power = add(exponentialTail(tail.map { add(remainder, $0) } ?? remainder), 1)
        return select(isNaN(x), x, scaled(power, turns))
    }

    /// `e^x - 1`.
    func expm1(_ x: Register) -> Register {
        let clamped = atMost(isDouble(x) ? 710 : 89, atLeast(isDouble(x) ? -40 : -30, x))
        let half = halfExpm1(clamped)
        let tiny = isDouble(x) ? 0x1p-54 : 0x1p-25
        return select(compare(.olt, abs(x), tiny), x, add(half, half))
    }

    /// Hyperbolic tangent: `(e^2|x| - 1) / (e^2|x| + 1)`, where the sign of `x` is put back.
    func tanh(_ x: Register) -> Register {
        let magnitude = atMost(isDouble(x) ? 20 : 9.5, abs(x))
        let half = halfExpm1(add(magnitude, magnitude))
        return withSign(div(half, add(half, 1)), of: x)
    }

    /// The integer nearest to `x / ln 2`, in the low bits of a register, and `x` less that many ln 2.
    private func reducedByLn2(_ x: Register) -> (turns: Register, remainder: Register) {
        let rounder = format(x).rounder
        let sum = mad(x, 1.4426950408889634, rounder)
        let turns = sub(sum, rounder)
        // The high part has zeros behind its leading bits, so that its product with n is exact.
        let (high, low) =
            isDouble(x)
            ? (0x1.62e42feep-1, 1.9082149292705877e-10) : (0.693145751953125, 1.428606765330187e-06)
        let remainder = mad(turns, -low, mad(turns, -high, x))
        return (bits(sum), remainder)
    }

    /// `e^r - 1` for `|r| <= ln 2 / 2`.
    func exponentialTail(_ r: Register) -> Register {
        let quotient = polynomial(r, isDouble(r) ? Self.exponentialDouble : Self.exponentialSingle)
        return mad(mul(r, r), quotient, r)
    }

    /// `(e^x - 1) / 2`.
    private func halfExpm1(_ x: Register) -> Register {
        let (turns, remainder) = reducedByLn2(x)
        let shift = integer(UInt64(format(x).fractionBits), like: x)
        let half = integer(isDouble(x) ? 0x3FE0_0000_0000_0000 : 0x3F00_0000, like: x)
        let power = value(bits: builder.binary(.add, builder.binary(.shl, turns, shift), half))
        return mad(power, exponentialTail(remainder), sub(power, 0.5))
    }

    /// `x·2^n` for n from twice the least to twice the highest exponent; n stands in the low bits of `turns`, a
    /// positive number. Two factors, so that only the last product rounds or overflows.
    func scaled(_ x: Register, _ turns: Register) -> Register {
        let shift = integer(UInt64(format(x).fractionBits), like: x)
        let half = builder.binary(.lshr, turns, integer(1, like: x))
        let rest = builder.binary(.sub, turns, half)
        let first = value(bits: builder.binary(.add, bits(x), builder.binary(.shl, half, shift)))
        let second = builder.binary(.add, builder.binary(.shl, rest, shift), integer(format(x).one, like: x))
        return mul(first, value(bits: second))
    }

    private static let exponentialSingle: [Double] = [
        0.49999997, 0.16666546, 0.041667443, 0.008366253, 0.0013869946,
    ]

    private static let exponentialDouble: [Double] = [
        0.5000000000000001, 0.1666666666666667, 0.04166666666665218, 0.008333333333326101, 0.0013888888895633533,
        0.00019841269874946405, 2.4801574491882463e-05, 2.755725523190996e-06, 2.756794643182655e-07,
        2.5105289865020157e-08, 1.7687721188239219e-09,
    ]
}
