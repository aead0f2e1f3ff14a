import MartletCore

// Reduction of huge angles after Payne and Hanek: x is multiplied by all of 2/π that matters. 2/π is cut into integers
// of few bits, so that each product with x is exact in f64; whole turns of 4 quarters are taken off each product, and
// what remains is summed with its rounding errors.

extension VectorMath {
    /// As the near reduction, for numbers (f64) of 2^20 and more; `fromSingle` if each is a number of f32.
    func reducedFromFar(_ x: Register, fromSingle: Bool) -> [Register] {
        // Scaling keeps the last pieces of 2/π in the range of f64.
        let raise = fromSingle ? 0 : 200
        let scaled = mul(x, power(-raise))
        let parts = fromSingle ? [scaled] : halves(scaled)
        let (width, pieces) = fromSingle ? (28, Self.piecesForSingle) : (26, Self.piecesForDouble)
        let scalar = kind(x).with(lanes: 1)
        let weights = (0..<pieces.count).map { power(raise - width * ($0 + 1)) }
        let initial = zip(pieces, weights).map { builder.float($0 * $1, scalar) }
        let zero = constant(0, like: x)
        let sums = builder.loop(
            from: builder.int(0), to: builder.int(pieces.count), step: builder.int(1),
            carrying: [zero, zero, zero] + initial
        ) { _, carried in
            let piece = builder.splat(carried[3], lanes: kind(x).lanes)
            let next = parts.reduce(Array(carried[..<3])) { withoutTurns($0, adding: mul($1, piece)) }
            return next + carried[4...] + [carried[3]]
        }
        return quarterTurns(sums)
    }

    /// Adds what `term` has beyond multiples of 4 to a sum of three parts.
    private func withoutTurns(_ sum: [Register], adding term: Register) -> [Register] {
        let (high, error) = twoSum(sum[0], modulo4(term))
        let (middle, low) = twoSum(sum[1], error)
        return [modulo4(high), middle, add(sum[2], low)]
    }

    /// `x` less the nearest multiple of 4; exact.
    private func modulo4(_ x: Register) -> Register {
        let turns = builder.unary(.roundeven, mul(x, 0.25))
        return mad(turns, -4, x)
    }

    /// Splits a sum of quarter turns: the integer in the low bits of a register, the rest as an angle.
    private func quarterTurns(_ sum: [Register]) -> [Register] {
        let rounder = format(sum[0]).rounder
        let rounded = add(sum[0], rounder)
        let fraction = sub(sum[0], sub(rounded, rounder))
        let (head, error) = twoSum(fraction, sum[1])
        let tail = add(error, sum[2])
        let angle = mul(head, 1.5707963267948966)
        let rest = mad(head, 6.123233995736766e-17, mul(tail, 1.5707963267948966))
        return [bits(rounded), add(angle, rest)]
    }

    /// A number of f64 as the sum of one of 26 bits and one of 27.
    private func halves(_ x: Register) -> [Register] {
        let mask = integer(0xFFFF_FFFF_F800_0000, like: x)
        let high = value(bits: builder.binary(.and, bits(x), mask))
        return [high, sub(x, high)]
    }

    private func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }

    /// 2/π in pieces of 28 bits, as far as f32 needs.
    private static let piecesForSingle: [Double] = [
        170891318, 240010261, 44024437, 131200308, 232525238, 43358524, 70845471,
    ]

    /// 2/π in pieces of 26 bits, as far as f64 needs.
    private static let piecesForDouble: [Double] = [
        42722829, 48555073, 21659401, 56087029, 13858563, 28715353, 38736100, 4324945, 26128250, 62674459, 29957006,
        37899730, 58726692, 49193117, 6588223, 35515164, 46442140, 65964067, 24988590, 54822121, 41009306, 54917092,
        5137525, 37323603, 15192690, 4585659, 58608142, 52426903, 67074070, 25231090, 63202006, 34237727, 28629499,
        15891632, 40752081, 37709470, 25143477, 55737260, 33225084, 24853767, 15195689, 19476134, 50255852, 18845021,
        2185228, 50622407,
    ]
}
