import MartletCore

/// Arithmetic of one scalar kind on the bits of one lane. The kinds of 16 bits compute in f32 and round, which gives
/// the correctly rounded result for all but `fma`.
struct LaneArithmetic {
    let scalar: VectorType.Scalar

    init(_ scalar: VectorType.Scalar) { self.scalar = scalar }

    private var width: UInt64 { UInt64(scalar.bitWidth) }

    /// The bits within the width.
    func canonical(_ bits: UInt64) -> UInt64 { bits & (UInt64.max >> (64 - width)) }

    /// The integer of the bits, with sign.
    func signed(_ bits: UInt64) -> Int64 {
        Int64(bitPattern: bits << (64 - width)) >> Int64(64 - width)
    }

    // MARK: Floats as bits

    /// The value of bits of f16, bf16 or f32.
    func float(_ bits: UInt64) -> Float {
        switch scalar {
        case .f16: return Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
        case .bf16: return Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16)
        default: return Float(bitPattern: UInt32(truncatingIfNeeded: bits))
        }
    }

    /// The bits of a value, rounded to nearest even.
    func bits(_ value: Float) -> UInt64 {
        switch scalar {
        case .f16: return UInt64(Float16(value).bitPattern)
        case .bf16: return UInt64(Self.brain(value))
        case .f64: return Double(value).bitPattern
        default: return UInt64(value.bitPattern)
        }
    }

    private static func brain(_ value: Float) -> UInt32 {
        if value.isNaN { return value.bitPattern >> 16 | 0x40 }
        let odd = value.bitPattern >> 16 & 1
        return (value.bitPattern + 0x7FFF + odd) >> 16
    }

    /// The bits of a value, rounded once.
    func bits(_ value: Double) -> UInt64 {
        switch scalar {
        case .f64: return value.bitPattern
        case .f16: return UInt64(Float16(value).bitPattern)
        case .bf16: return bits(Self.roundedToOdd(value))
        default: return UInt64(Float(value).bitPattern)
        }
    }

    /// The neighbour in f32 whose last bit is set where the value is not exact: rounding it again is rounding once.
    private static func roundedToOdd(_ value: Double) -> Float {
        let nearest = Float(value)
        guard nearest.isFinite, Double(nearest) != value, nearest.bitPattern & 1 == 0 else { return nearest }
        let isAbove = Double(nearest.magnitude) > value.magnitude
        return Float(bitPattern: isAbove ? nearest.bitPattern - 1 : nearest.bitPattern + 1)
    }

    // MARK: Functions

    func binary(_ opcode: BinaryOpcode, _ a: UInt64, _ b: UInt64) throws -> UInt64 {
        guard opcode.isFloat else { return try integer(opcode, a, b) }
        if opcode == .copysign {
            let sign: UInt64 = 1 << (width - 1)
            return a & ~sign | b & sign
        }
        if scalar == .f64 {
            return Self.binary(opcode, Double(bitPattern: a), Double(bitPattern: b)).bitPattern
        }
        return bits(Self.binary(opcode, float(a), float(b)))
    }

    private static func binary<F: BinaryFloatingPoint>(_ opcode: BinaryOpcode, _ a: F, _ b: F) -> F {
        switch opcode {
        case .fadd: return a + b
        case .fsub: return a - b
        case .fmul: return a * b
        case .fdiv: return a / b
        case .fmaxB: return a > b ? a : b
        default: return a < b ? a : b
        }
    }

    private func integer(_ opcode: BinaryOpcode, _ a: UInt64, _ b: UInt64) throws -> UInt64 {
        switch opcode {
        case .add: return canonical(a &+ b)
        case .sub: return canonical(a &- b)
        case .mul: return canonical(a &* b)
        case .and: return a & b
        case .or: return a | b
        case .xor: return a ^ b
        case .smax: return signed(a) > signed(b) ? a : b
        case .smin: return signed(a) < signed(b) ? a : b
        case .umax: return max(a, b)
        case .umin: return min(a, b)
        case .shl, .lshr, .ashr: return try shift(opcode, a, b)
        default: return try divide(opcode, a, b)
        }
    }

    private func shift(_ opcode: BinaryOpcode, _ a: UInt64, _ amount: UInt64) throws -> UInt64 {
        guard amount < width else { throw Diagnostic("vector.undefined", "a shift by \(amount) of \(width) bits") }
        switch opcode {
        case .shl: return canonical(a << amount)
        case .lshr: return a >> amount
        default: return canonical(UInt64(bitPattern: signed(a) >> Int64(amount)))
        }
    }

    private func divide(_ opcode: BinaryOpcode, _ a: UInt64, _ b: UInt64) throws -> UInt64 {
        guard b != 0 else { throw Diagnostic("vector.undefined", "a division by zero") }
        if opcode == .udiv { return a / b }
        if opcode == .urem { return a % b }
        let (x, y) = (signed(a), signed(b))
        let overflows = y == -1 && a == 1 << (width - 1)
        guard !overflows else { throw Diagnostic("vector.undefined", "a division of the lowest integer by -1") }
        return canonical(UInt64(bitPattern: opcode == .sdiv ? x / y : x % y))
    }

    func unary(_ opcode: UnaryOpcode, _ a: UInt64) -> UInt64 {
        let sign: UInt64 = 1 << (width - 1)
        if opcode == .fneg { return a ^ sign }
        if opcode == .fabs { return a & ~sign }
        return scalar == .f64
            ? Self.unary(opcode, Double(bitPattern: a)).bitPattern : bits(Self.unary(opcode, float(a)))
    }

    private static func unary<F: BinaryFloatingPoint>(_ opcode: UnaryOpcode, _ a: F) -> F {
        switch opcode {
        case .sqrt: return a.squareRoot()
        case .floor: return a.rounded(.down)
        case .ceil: return a.rounded(.up)
        case .trunc: return a.rounded(.towardZero)
        default: return a.rounded(.toNearestOrEven)
        }
    }

    func multiplyAdd(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        switch scalar {
        case .f64:
            return Double(bitPattern: c).addingProduct(Double(bitPattern: a), Double(bitPattern: b)).bitPattern
        case .f32: return bits(float(c).addingProduct(float(a), float(b)))
        default: return bits(Double(float(c)).addingProduct(Double(float(a)), Double(float(b))))
        }
    }

    func compare(_ predicate: Predicate, _ a: UInt64, _ b: UInt64) -> Bool {
        guard predicate.isFloat else { return compareIntegers(predicate, a, b) }
        if scalar == .f64 { return Self.compare(predicate, Double(bitPattern: a), Double(bitPattern: b)) }
        return Self.compare(predicate, float(a), float(b))
    }

    private static func compare<F: BinaryFloatingPoint>(_ predicate: Predicate, _ a: F, _ b: F) -> Bool {
        switch predicate {
        case .oeq: return a == b
        case .une: return a != b
        case .olt: return a < b
        case .ole: return a <= b
        case .ogt: return a > b
        default: return a >= b
        }
    }

    private func compareIntegers(_ predicate: Predicate, _ a: UInt64, _ b: UInt64) -> Bool {
        switch predicate {
        case .eq: return a == b
        case .ne: return a != b
        case .slt: return signed(a) < signed(b)
        case .sle: return signed(a) <= signed(b)
        case .sgt: return signed(a) > signed(b)
        case .sge: return signed(a) >= signed(b)
        case .ult: return a < b
        case .ule: return a <= b
        case .ugt: return a > b
        default: return a >= b
        }
    }

    // MARK: Dot products

    /// Adds the products of the narrow lanes to the accumulators.
    static func dot(_ opcode: DotOpcode, _ operands: [[UInt64]]) -> [UInt64] {
        let (sums, a, b) = (operands[0], operands[1], operands[2])
        return sums.indices.map { lane in
            switch opcode {
            case .u8s8: return byteDot(sums[lane], (4 * lane..<4 * lane + 4).map { (a[$0], b[$0]) })
            case .bf16: return brainDot(sums[lane], (2 * lane..<2 * lane + 2).map { (a[$0], b[$0]) })
            }
        }
    }

    private static func byteDot(_ sum: UInt64, _ pairs: [(UInt64, UInt64)]) -> UInt64 {
        let bytes = LaneArithmetic(.i8)
        let total = pairs.reduce(Int64(bitPattern: sum)) { $0 &+ Int64($1.0) * bytes.signed($1.1) }
        return LaneArithmetic(.i32).canonical(UInt64(bitPattern: total))
    }

    /// The odd pair first, then the even one, each with one rounding, as processors do.
    private static func brainDot(_ sum: UInt64, _ pairs: [(UInt64, UInt64)]) -> UInt64 {
        let brain = LaneArithmetic(.bf16)
        let start = Float(bitPattern: UInt32(truncatingIfNeeded: sum))
        let total = pairs.reversed().reduce(start) { $0.addingProduct(brain.float($1.0), brain.float($1.1)) }
        return UInt64(total.bitPattern)
    }
}
