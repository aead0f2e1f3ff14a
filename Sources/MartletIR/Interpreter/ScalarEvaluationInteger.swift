import MartletCore

extension ScalarEvaluation {
    /// A function of integers of any type; nil where there is none.
    static func integer(_ function: ScalarOp, _ operands: [HostTensor]) throws -> HostTensor? {
        switch operands[0].type {
        case .int8: return try integer(function, operands, Int8.self)
        case .int16: return try integer(function, operands, Int16.self)
        case .int32: return try integer(function, operands, Int32.self)
        case .int64: return try integer(function, operands, Int64.self)
        case .uint8: return try integer(function, operands, UInt8.self)
        case .uint16: return try integer(function, operands, UInt16.self)
        case .uint32: return try integer(function, operands, UInt32.self)
        case .uint64: return try integer(function, operands, UInt64.self)
        // The low bits of the wide results are those of narrow ones, and shifts beyond the width agree too.
        default: return try wide(function, operands, .int64)
        }
    }

    private static func integer<T: FixedWidthInteger & BitwiseCopyable>(
        _ function: ScalarOp, _ operands: [HostTensor], _ type: T.Type
    ) throws -> HostTensor? {
        if function.isComparison { return try compare(function, operands) { (a: T) in a } }
        if function.arity == 1 { return try integerUnary(function, operands[0], T.self) }
        return try integerArithmetic(function, operands[0], operands[1], T.self)
            ?? integerBits(function, operands[0], operands[1], T.self)
    }

    private static func integerUnary<T: FixedWidthInteger & BitwiseCopyable>(
        _ function: ScalarOp, _ x: HostTensor, _ type: T.Type
    ) throws -> HostTensor? {
        switch function {
        case .neg: return try unary(x, to: x.type) { (a: T) in 0 &- a }
        case .abs: return try unary(x, to: x.type) { (a: T) in a < 0 ? 0 &- a : a }
        case .sign: return try unary(x, to: x.type) { (a: T) in a > 0 ? 1 : a < 0 ? 0 &- 1 : a }
        case .not: return try unary(x, to: x.type) { (a: T) in ~a }
        default: return nil
        }
    }

    private static func integerArithmetic<T: FixedWidthInteger & BitwiseCopyable>(
        _ function: ScalarOp, _ x: HostTensor, _ y: HostTensor, _ type: T.Type
    ) throws -> HostTensor? {
        switch function {
        case .add: return try binary(x, y, to: x.type) { (a: T, b: T) in a &+ b }
        case .sub: return try binary(x, y, to: x.type) { (a: T, b: T) in a &- b }
        case .mul: return try binary(x, y, to: x.type) { (a: T, b: T) in a &* b }
        case .div: return try binary(x, y, to: x.type) { (a: T, b: T) in quotient(a, b) }
        case .rem: return try binary(x, y, to: x.type) { (a: T, b: T) in remainder(a, b) }
        case .pow: return try binary(x, y, to: x.type) { (a: T, b: T) in power(a, b) }
        case .max: return try binary(x, y, to: x.type) { (a: T, b: T) in Swift.max(a, b) }
        case .min: return try binary(x, y, to: x.type) { (a: T, b: T) in Swift.min(a, b) }
        default: return nil
        }
    }

    private static func integerBits<T: FixedWidthInteger & BitwiseCopyable>(
        _ function: ScalarOp, _ x: HostTensor, _ y: HostTensor, _ type: T.Type
    ) throws -> HostTensor? {
        switch function {
        case .and: return try binary(x, y, to: x.type) { (a: T, b: T) in a & b }
        case .or: return try binary(x, y, to: x.type) { (a: T, b: T) in a | b }
        case .xor: return try binary(x, y, to: x.type) { (a: T, b: T) in a ^ b }
        case .shl: return try binary(x, y, to: x.type) { (a: T, b: T) in isShift(b) ? a &<< b : 0 }
        case .shr: return try binary(x, y, to: x.type) { (a: T, b: T) in isShift(b) ? a &>> b : a < 0 ? ~0 : 0 }
        default: return nil
        }
    }

    /// Toward zero; 0 for a divisor of 0; the minimum divided by -1 is the minimum.
    @inline(__always)
    private static func quotient<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
        if b == 0 { return 0 }
        if T.isSigned, b == 0 &- 1 { return 0 &- a }
        return a / b
    }

    /// With the sign of the dividend; 0 for a divisor of 0.
    @inline(__always)
    private static func remainder<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
        if b == 0 || (T.isSigned && b == 0 &- 1) { return 0 }
        return a % b
    }

    /// Wrapping; a negative exponent gives 0, but for bases 1 and -1 the exact power.
    private static func power<T: FixedWidthInteger>(_ base: T, _ exponent: T) -> T {
        if exponent < 0 {
            if base == 1 { return 1 }
            if base == 0 &- 1 { return exponent & 1 == 0 ? 1 : base }
            return 0
        }
        var (result, square, rest) = (T(1), base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result = result &* square }
            square = square &* square
            rest >>= 1
        }
        return result
    }

    @inline(__always)
    private static func isShift<T: FixedWidthInteger>(_ amount: T) -> Bool { amount >= 0 && amount < T.bitWidth }
}
