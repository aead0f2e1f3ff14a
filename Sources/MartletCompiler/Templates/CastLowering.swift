import MartletCore
import MartletIR

/// Conversions between element types; out-of-range floats convert as x86 does.
struct CastLowering {
    private let lowering: ScalarLowering
    private var builder: VectorBuilder { lowering.builder }

    init(_ lowering: ScalarLowering) { self.lowering = lowering }

    func cast(_ value: Register, from: ElementType, to: ElementType) throws -> Register {
        _ = try (lowering.memoryType(from), lowering.memoryType(to))
        if from == to { return value }
        if to == .bool { return isNonzero(value, from) }
        if from == .bool { return fromBool(value, to) }
        switch (from.isFloatingPoint, to.isFloatingPoint) {
        case (true, true): return floatToFloat(value, to)
        case (true, false): return floatToInt(value, to)
        case (false, true): return intToFloat(value, from, to)
        case (false, false): return intToInt(value, from, to)
        }
    }

    private func kind(_ type: ElementType, like value: Register) -> VectorType {
        lowering.registerType(type, lanes: builder.type(of: value).lanes)
    }

    private func isNonzero(_ value: Register, _ from: ElementType) -> Register {
        let zero = builder.constant(bits: 0, builder.type(of: value))
        return builder.compare(from.isFloatingPoint ? .une : .ne, value, zero)
    }

    private func fromBool(_ value: Register, _ to: ElementType) -> Register {
        let target = kind(to, like: value)
        return target.scalar.isFloat
            ? builder.select(value, builder.float(1, target), builder.float(0, target))
            : builder.convert(.zext, value, to: target.scalar)
    }

    private func floatToFloat(_ value: Register, _ to: ElementType) -> Register {
        if builder.type(of: value).scalar == .f64, to == .float16 || to == .bfloat16 {
            return lowering.fromDouble(value, to)
        }
        let target = kind(to, like: value).scalar
        return lowering.rounded(builder.convert(value, to: target), to)
    }

    private func intToInt(_ value: Register, _ from: ElementType, _ to: ElementType) -> Register {
        let target = kind(to, like: value).scalar
        if from.bitWidth == to.bitWidth { return value }
        if from.bitWidth > to.bitWidth { return builder.convert(.trunc, value, to: target) }
        return builder.convert(from.isSigned ? .sext : .zext, value, to: target)
    }

    private func intToFloat(_ value: Register, _ from: ElementType, _ to: ElementType) -> Register {
        let target = kind(to, like: value).scalar
        return lowering.rounded(builder.convert(from.isSigned ? .sitofp : .uitofp, value, to: target), to)
    }

    /// Through i32 for narrow results and through i64 for u32, low bits kept; out of range gives the lowest value.
    private func floatToInt(_ value: Register, _ to: ElementType) -> Register {
        if to == .uint64 { return toUnsigned64(value) }
        let wide: ElementType = to.bitWidth < 32 || to == .int32 ? .int32 : .int64
        let result = builder.convert(.fptosiLowest, value, to: kind(wide, like: value).scalar)
        return intToInt(result, wide, to)
    }

    private func toUnsigned64(_ value: Register) -> Register {
        let source = builder.type(of: value)
        let half = builder.float(9_223_372_036_854_775_808, source)
        let isLarge = builder.compare(.oge, value, half)
        let reduced = builder.select(isLarge, builder.binary(.fsub, value, half), value)
        let low = floatToInt(reduced, .int64)
        let flipped = builder.binary(.xor, low, builder.int(Int.min, builder.type(of: low)))
        return builder.select(isLarge, flipped, low)
    }
}
