import MartletCore

/// Elementary functions as Vector IR: on registers of f32 or f64 of any number of lanes, each lane by the same
/// arithmetic, so that a scalar tail gives the bits that a vector gives.
///
/// Every function is made of correctly rounded operations, shifts and selects; none calls a library and none depends on
/// an approximate instruction. Results are within 4 units in the last place and right for NaN, infinities, zeros of
/// both signs and denormal numbers. Where a machine has no fused multiply-add the same formulas round twice; their
/// coefficients leave room for it, but the bits differ from those of machines that have it.
struct VectorMath {
    let builder: VectorBuilder
    let machine: VectorMachine

    init(_ builder: VectorBuilder, _ machine: VectorMachine) {
        self.builder = builder
        self.machine = machine
    }

    // MARK: Kinds

    func kind(_ x: Register) -> VectorType { builder.type(of: x) }
    func isDouble(_ x: Register) -> Bool { kind(x).scalar == .f64 }
    func format(_ x: Register) -> BinaryFormat { isDouble(x) ? .double : .single }

    /// The integer kind as wide as a floating-point one.
    private func integerKind(_ kind: VectorType) -> VectorType { kind.with(scalar: kind.scalar == .f64 ? .i64 : .i32) }

    /// A floating-point constant in every lane of `like`'s kind.
    func constant(_ value: Double, like x: Register) -> Register { builder.float(value, kind(x)) }

    /// An integer constant in every lane, as wide as `like`.
    func integer(_ value: UInt64, like x: Register) -> Register {
        builder.constant(bits: value, kind(x).scalar.isFloat ? integerKind(kind(x)) : kind(x))
    }

    /// The bits of a floating-point register as integers.
    func bits(_ x: Register) -> Register { builder.bitcast(x, to: integerKind(kind(x))) }

    /// Integers as the bits of floating-point numbers.
    func value(bits x: Register) -> Register {
        builder.bitcast(x, to: kind(x).with(scalar: kind(x).scalar == .i64 ? .f64 : .f32))
    }

    func widened(_ x: Register) -> Register { builder.convert(x, to: .f64) }
    func narrowed(_ x: Register) -> Register { builder.convert(x, to: .f32) }

    // MARK: Arithmetic

    func add(_ a: Register, _ b: Register) -> Register { builder.binary(.fadd, a, b) }
    func sub(_ a: Register, _ b: Register) -> Register { builder.binary(.fsub, a, b) }
    func mul(_ a: Register, _ b: Register) -> Register { builder.binary(.fmul, a, b) }
    func div(_ a: Register, _ b: Register) -> Register { builder.binary(.fdiv, a, b) }
    func neg(_ a: Register) -> Register { builder.unary(.fneg, a) }
    func abs(_ a: Register) -> Register { builder.unary(.fabs, a) }
    func add(_ a: Register, _ b: Double) -> Register { add(a, constant(b, like: a)) }
    func sub(_ a: Register, _ b: Double) -> Register { sub(a, constant(b, like: a)) }
    func mul(_ a: Register, _ b: Double) -> Register { mul(a, constant(b, like: a)) }
    func sub(_ a: Double, _ b: Register) -> Register { sub(constant(a, like: b), b) }
    func div(_ a: Double, _ b: Register) -> Register { div(constant(a, like: b), b) }

    /// `a·b + c`: one rounding where the machine can, else two.
    func mad(_ a: Register, _ b: Register, _ c: Register) -> Register {
        machine.hasFMA ? builder.fma(a, b, c) : add(mul(a, b), c)
    }

    func mad(_ a: Register, _ b: Double, _ c: Register) -> Register { mad(a, constant(b, like: a), c) }
    func mad(_ a: Register, _ b: Double, _ c: Double) -> Register { mad(a, constant(b, like: a), constant(c, like: a)) }
    func mad(_ a: Register, _ b: Register, _ c: Double) -> Register { mad(a, b, constant(c, like: a)) }

    /// `c[0] + c[1]·x + c[2]·x² + …` by Horner's rule.
    func polynomial(_ x: Register, _ coefficients: [Double]) -> Register {
        var sum = constant(coefficients.last ?? 0, like: x)
        for coefficient in coefficients.dropLast().reversed() { sum = mad(sum, x, coefficient) }
        return sum
    }

    /// `x` no lower than `low`; NaN stays.
    func atLeast(_ low: Double, _ x: Register) -> Register { builder.binary(.fmaxB, constant(low, like: x), x) }
    /// `x` no higher than `high`; NaN stays.
    func atMost(_ high: Double, _ x: Register) -> Register { builder.binary(.fminB, constant(high, like: x), x) }

    func withSign(_ magnitude: Register, of sign: Register) -> Register { builder.binary(.copysign, magnitude, sign) }

    // MARK: Choice

    func compare(_ predicate: Predicate, _ a: Register, _ b: Register) -> Register { builder.compare(predicate, a, b) }

    func compare(_ predicate: Predicate, _ a: Register, _ b: Double) -> Register {
        builder.compare(predicate, a, constant(b, like: a))
    }

    func select(_ condition: Register, _ a: Register, _ b: Register) -> Register { builder.select(condition, a, b) }

    func select(_ condition: Register, _ a: Double, _ b: Register) -> Register {
        builder.select(condition, constant(a, like: b), b)
    }

    func select(_ condition: Register, _ a: Register, _ b: Double) -> Register {
        builder.select(condition, a, constant(b, like: a))
    }

    func isNaN(_ x: Register) -> Register { builder.compare(.une, x, x) }

    /// Whether the sign bit is set, of zeros and NaN too.
    func isNegative(_ x: Register) -> Register { builder.compare(.slt, bits(x), integer(0, like: x)) }

    func and(_ a: Register, _ b: Register) -> Register { builder.binary(.and, a, b) }
    func or(_ a: Register, _ b: Register) -> Register { builder.binary(.or, a, b) }

    /// Whether a flag is set in any lane, as one flag.
    func any(_ flags: Register) -> Register {
        let lanes = kind(flags).lanes
        if lanes == 1 { return flags }
        let whole: [Int: VectorType.Scalar] = [8: .i8, 16: .i16, 32: .i32, 64: .i64]
        if let scalar = whole[lanes] {
            let word = builder.bitcast(flags, to: VectorType(scalar))
            return builder.compare(.ne, word, builder.int(0, VectorType(scalar)))
        }
        let word = combined(builder.convert(.zext, flags, to: .i32)) { or($0, $1) }
        return builder.compare(.ne, word, builder.int(0, kind(word)))
    }

    /// All lanes combined by a function whose order does not matter.
    func combined(_ x: Register, _ combine: (Register, Register) -> Register) -> Register {
        let lanes = kind(x).lanes
        if lanes & (lanes - 1) == 0 { return builder.combineLanes(x, combine) }
        return (1..<lanes).reduce(builder.extract(x, lane: 0)) { combine($0, builder.extract(x, lane: $1)) }
    }

    /// `fast` where no lane is flagged; else lane by lane the flagged ones from `slow`, so that a lane's result does
    /// not depend on its neighbours.
    func branch(
        ifAny flags: Register, slow: () -> [Register], fast: [Register]
    ) -> [Register] {
        builder.branch(
            any(flags),
            then: { zip(slow(), fast).map { select(flags, $0, $1) } },
            else: { fast })
    }
}

/// The layout of a binary floating-point format and the constants of its elementary functions.
struct BinaryFormat {
    /// Bits of the fraction; also the shift that moves an integer into the exponent.
    let fractionBits: Int
    /// What an exponent is stored with added.
    let bias: Int
    /// The least normal number.
    let leastNormal: Double
    /// The bits of 1.
    let one: UInt64

    static let single = BinaryFormat(fractionBits: 23, bias: 127, leastNormal: 0x1p-126, one: 0x3F80_0000)
    static let double = BinaryFormat(
        fractionBits: 52, bias: 1023, leastNormal: 0x1p-1022, one: 0x3FF0_0000_0000_0000)

    /// `1.5·2^fractionBits`: a number added to it is rounded to an integer, which stands in the low bits of the sum.
    var rounder: Double { fractionBits == 52 ? 0x1.8p52 : 0x1.8p23 }
    /// `2^fractionBits`: a small integer or-ed into its bits gives that plus the integer.
    var integerBase: Double { fractionBits == 52 ? 0x1p52 : 0x1p23 }
    var fractionMask: UInt64 { 1 << UInt64(fractionBits) - 1 }
}
