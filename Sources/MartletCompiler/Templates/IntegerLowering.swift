import MartletCore
import MartletIR

/// Integer functions: wrap-around arithmetic in which nothing traps.
struct IntegerLowering {
    private let builder: VectorBuilder
    private let type: ElementType

    init(_ builder: VectorBuilder, _ type: ElementType) {
        self.builder = builder
        self.type = type
    }

    func apply(_ function: ScalarOp, _ x: [Register]) throws -> Register {
        switch function {
        case .add: return builder.binary(.add, x[0], x[1])
        case .sub: return builder.binary(.sub, x[0], x[1])
        case .mul: return builder.binary(.mul, x[0], x[1])
        case .div: return divide(x[0], x[1]).quotient
        case .rem: return divide(x[0], x[1]).remainder
        case .max: return builder.binary(type.isSigned ? .smax : .umax, x[0], x[1])
        case .min: return builder.binary(type.isSigned ? .smin : .umin, x[0], x[1])
        case .neg: return builder.binary(.sub, zero(x[0]), x[0])
        case .abs: return type.isSigned ? absolute(x[0]) : x[0]
        case .sign: return sign(x[0])
        case .and: return builder.binary(.and, x[0], x[1])
        case .or: return builder.binary(.or, x[0], x[1])
        case .xor: return builder.binary(.xor, x[0], x[1])
        case .not: return builder.binary(.xor, x[0], builder.int(-1, builder.type(of: x[0])))
        case .shl, .shr: return shift(function, x[0], x[1])
        case .pow: return power(x[0], x[1])
        case .floor, .ceil, .trunc, .round: return x[0]
        default: throw Diagnostic("compile.function", "'\(function.rawValue)' does not take integers")
        }
    }

    private func zero(_ x: Register) -> Register { builder.int(0, builder.type(of: x)) }
    private func one(_ x: Register) -> Register { builder.int(1, builder.type(of: x)) }

    private func absolute(_ x: Register) -> Register {
        builder.select(builder.compare(.slt, x, zero(x)), builder.binary(.sub, zero(x), x), x)
    }

    private func sign(_ x: Register) -> Register {
        let positive = builder.select(builder.compare(.ne, x, zero(x)), one(x), zero(x))
        guard type.isSigned else { return positive }
        return builder.select(builder.compare(.slt, x, zero(x)), builder.int(-1, builder.type(of: x)), positive)
    }

    /// Toward zero; x/0 = 0 and x rem 0 = 0; lowest/-1 wraps. The divisor is replaced where the machine would trap.
    private func divide(_ a: Register, _ b: Register) -> (quotient: Register, remainder: Register) {
        let isZero = builder.compare(.eq, b, zero(b))
        var divisor = builder.select(isZero, one(b), b)
        guard type.isSigned else {
            let quotient = builder.binary(.udiv, a, divisor)
            let remainder = builder.binary(.urem, a, divisor)
            return (builder.select(isZero, zero(a), quotient), builder.select(isZero, zero(a), remainder))
        }
        let isMinusOne = builder.compare(.eq, divisor, builder.int(-1, builder.type(of: b)))
        divisor = builder.select(isMinusOne, one(b), divisor)
        let quotient = builder.binary(.sdiv, a, divisor)
        let remainder = builder.binary(.srem, a, divisor)
        let signed = builder.select(isMinusOne, builder.binary(.sub, zero(a), a), quotient)
        return (builder.select(isZero, zero(a), signed), builder.select(isZero, zero(a), remainder))
    }

    /// Amounts below 0 or not below the width shift everything out.
    private func shift(_ function: ScalarOp, _ a: Register, _ amount: Register) -> Register {
        let kind = builder.type(of: a)
        let inRange = builder.compare(.ult, amount, builder.int(type.bitWidth, kind))
        let safe = builder.select(inRange, amount, zero(a))
        if function == .shl { return builder.select(inRange, builder.binary(.shl, a, safe), zero(a)) }
        guard type.isSigned else { return builder.select(inRange, builder.binary(.lshr, a, safe), zero(a)) }
        let filled = builder.binary(.ashr, a, builder.int(type.bitWidth - 1, kind))
        return builder.select(inRange, builder.binary(.ashr, a, safe), filled)
    }

    /// By squaring, one step a bit; a negative exponent gives 0, but ±1 for a base of ±1.
    private func power(_ base: Register, _ exponent: Register) -> Register {
        let kind = builder.type(of: base)
        let carried = [one(base), base, exponent]
        let result = builder.loop(
            from: builder.int(0), to: builder.int(type.bitWidth), step: builder.int(1), carrying: carried
        ) { _, state in
            let odd = builder.compare(.ne, builder.binary(.and, state[2], one(base)), zero(base))
            let product = builder.select(odd, builder.binary(.mul, state[0], state[1]), state[0])
            return [
                product, builder.binary(.mul, state[1], state[1]), builder.binary(.lshr, state[2], one(base)),
            ]
        }[0]
        guard type.isSigned else { return result }
        let isNegative = builder.compare(.slt, exponent, zero(base))
        let isOne = builder.compare(.eq, base, one(base))
        let minusOne = builder.int(-1, kind)
        let isMinusOne = builder.compare(.eq, base, minusOne)
        let odd = builder.compare(.ne, builder.binary(.and, exponent, one(base)), zero(base))
        let alternating = builder.select(odd, minusOne, one(base))
        let inverse = builder.select(isOne, one(base), builder.select(isMinusOne, alternating, zero(base)))
        return builder.select(isNegative, inverse, result)
    }
}
