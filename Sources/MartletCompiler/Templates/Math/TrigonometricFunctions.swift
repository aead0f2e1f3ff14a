import MartletCore

// sin and cos: x = n·π/2 + r with |r| <= π/4, then a polynomial for sine or cosine of r by the parity of n.

extension VectorMath {
    /// Sine, with full reduction of any argument.
    func sin(_ x: Register) -> Register { sine(x, quarterTurns: 0) }

    /// Cosine, with full reduction of any argument.
    func cos(_ x: Register) -> Register { sine(x, quarterTurns: 1) }

    /// `sin(x + quarterTurns·π/2)`.
    private func sine(_ x: Register, quarterTurns: UInt64) -> Register {
        let near = isDouble(x) || machine.hasFMA ? reducedByQuarterTurn(x) : reducedInDouble(x)
        let isFar = compare(.oge, abs(x), isDouble(x) ? 0x1p20 : 0x1p17)
        let parts = branch(ifAny: isFar, slow: { far(x) }, fast: near)
        let turns = builder.binary(.add, parts[0], integer(quarterTurns, like: x))
        let value = quarterWave(parts[1], turns)
        let tiny = isDouble(x) ? 0x1p-30 : 0x1p-15
        return quarterTurns == 0 ? select(compare(.olt, abs(x), tiny), x, value) : value
    }

    private func far(_ x: Register) -> [Register] {
        if isDouble(x) { return reducedFromFar(x, fromSingle: false) }
        return narrowedParts(reducedFromFar(widened(x), fromSingle: true))
    }

    /// For f32 without fused multiply-add, whose products of two numbers are exact in f64.
    private func reducedInDouble(_ x: Register) -> [Register] { narrowedParts(reducedByQuarterTurn(widened(x))) }

    private func narrowedParts(_ parts: [Register]) -> [Register] {
        [builder.convert(.trunc, parts[0], to: .i32), narrowed(parts[1])]
    }

    /// The integer nearest to `x / (π/2)`, in the low bits of a register, and what remains of `x`: in f64 for numbers
    /// below 2^20, in f32 (with fused multiply-add) below 2^17.
    private func reducedByQuarterTurn(_ x: Register) -> [Register] {
        let rounder = format(x).rounder
        let sum = mad(x, 0.6366197723675814, rounder)
        let turns = sub(sum, rounder)
        // π/2 in three parts. Those of f64 have 33 bits, so that their products with n are exact without fused
        // multiply-add too. The differences are exact but for the last.
        let parts =
            isDouble(x)
            ? [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21]
            : [1.57079637050628662, -4.37113882867379114e-08, -1.71512449760178e-15]
        return [bits(sum), parts.reduce(x) { mad(turns, -$1, $0) }]
    }

    /// `sin(r + n·π/2)` for the n in the low two bits of `turns`.
    private func quarterWave(_ r: Register, _ turns: Register) -> Register {
        let z = mul(r, r)
        let sine = mad(mul(z, r), polynomial(z, isDouble(r) ? Self.sineDouble : Self.sineSingle), r)
        let head = mad(z, -0.5, 1)
        // What 1 - z/2 loses is added back behind.
        let lost = mad(z, -0.5, sub(1, head))
        let cosine = add(head, mad(mul(z, z), polynomial(z, isDouble(r) ? Self.cosineDouble : Self.cosineSingle), lost))
        let isOdd = compare(.ne, builder.binary(.and, turns, integer(1, like: r)), integer(0, like: r))
        let magnitude = select(isOdd, cosine, sine)
        let sign = builder.binary(
            .shl, builder.binary(.and, turns, integer(2, like: r)),
            integer(UInt64(kind(r).scalar.bitWidth - 2), like: r))
        return value(bits: builder.binary(.xor, bits(magnitude), sign))
    }

    private static let sineSingle: [Double] = [-0.16666654, 0.008332106, -0.00019507883]
    private static let cosineSingle: [Double] = [0.041666646, -0.0013887308, 2.4432102e-05]

    private static let sineDouble: [Double] = [
        -0.16666666666666666, 0.008333333333333323, -0.0001984126984125465, 2.7557319213985085e-06,
        -2.505210486076239e-08, 1.6058360438870532e-10, -7.578403241030579e-13,
    ]

    private static let cosineDouble: [Double] = [
        0.041666666666666595, -0.0013888888888872895, 2.480158728874817e-05, -2.7557314148617614e-07,
        2.087569657177416e-09, -1.1358310448362524e-11,
    ]
}
