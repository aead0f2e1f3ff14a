import MartletCore

/// Conversions between scalar kinds on the bits of lanes.
struct LaneConversion {
    private let from: VectorType
    private let to: VectorType
    private let source: LaneArithmetic
    private let target: LaneArithmetic

    init(_ from: VectorType, _ to: VectorType) {
        (self.from, self.to) = (from, to)
        (source, target) = (LaneArithmetic(from.scalar), LaneArithmetic(to.scalar))
    }

    func convert(_ opcode: ConversionOpcode, _ lanes: [UInt64]) throws -> [UInt64] {
        opcode == .bitcast ? regrouped(lanes) : try lanes.map { try convert(opcode, $0) }
    }

    private func convert(_ opcode: ConversionOpcode, _ bits: UInt64) throws -> UInt64 {
        switch opcode {
        case .sext: return target.canonical(UInt64(bitPattern: source.signed(bits)))
        case .zext, .trunc: return target.canonical(bits)
        case .sitofp: return fromInteger(source.signed(bits))
        case .uitofp: return fromInteger(bits)
        case .fptosi: return try toInteger(value(bits), signed: true)
        case .fptoui: return try toInteger(value(bits), signed: false)
        case .fptosiLowest:
            return (try? toInteger(value(bits), signed: true)) ?? target.canonical(1 << UInt64(to.scalar.bitWidth - 1))
        case .fpext, .fptrunc: return from.scalar == .f64 ? target.bits(value(bits)) : target.bits(source.float(bits))
        case .bitcast: return bits
        }
    }

    /// Every kind's values are values of f64.
    private func value(_ bits: UInt64) -> Double {
        from.scalar == .f64 ? Double(bitPattern: bits) : Double(source.float(bits))
    }

    private func fromInteger<I: BinaryInteger>(_ value: I) -> UInt64 {
        switch to.scalar {
        case .f64: return Double(value).bitPattern
        case .f16: return UInt64(Float16(value).bitPattern)
        default: return target.bits(Float(value))
        }
    }

    /// What lies outside the range is undefined.
    private func toInteger(_ value: Double, signed: Bool) throws -> UInt64 {
        let whole = value.rounded(.towardZero)
        let width = to.scalar.bitWidth
        let top = Double(sign: .plus, exponent: signed ? width - 1 : width, significand: 1)
        guard whole < top, whole >= (signed ? -top : 0) else {
            throw Diagnostic("vector.undefined", "a conversion of \(value) to \(width) bits")
        }
        return target.canonical(signed ? UInt64(bitPattern: Int64(whole)) : UInt64(whole))
    }

    /// The same bits in lanes of another width; the first lane has the lowest bits.
    private func regrouped(_ lanes: [UInt64]) -> [UInt64] {
        let (old, new) = (from.scalar.bitWidth, to.scalar.bitWidth)
        if old == new { return lanes }
        if old > new {
            let parts = old / new
            return lanes.flatMap { lane in (0..<parts).map { target.canonical(lane >> UInt64($0 * new)) } }
        }
        let parts = new / old
        return (0..<to.lanes).map { lane in
            (0..<parts).reduce(0) { $0 | lanes[lane * parts + $1] << UInt64($1 * old) }
        }
    }
}
