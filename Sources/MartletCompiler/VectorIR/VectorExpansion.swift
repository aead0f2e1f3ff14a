/// Replaces what a machine has no instruction for, and what LLVM would call a library for, by arithmetic it has:
/// rounding to integers and conversions to and from the formats of 16 bits. Results are the same to the bit, but for
/// NaN payloads.
public struct VectorExpansion {
    /// What has an instruction of its own, or is otherwise handled by LLVM without a call.
    public struct Abilities: OptionSet, Hashable, Sendable {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }

        /// `floor`, `ceil`, `trunc` and `roundeven` of f32 and f64.
        public static let rounding = Abilities(rawValue: 1)
        /// Conversions between f16 and f32.
        public static let half = Abilities(rawValue: 2)
        /// Conversion from f32 to bf16.
        public static let brain = Abilities(rawValue: 4)
        /// Conversion from f64 to f16.
        public static let doubleToHalf = Abilities(rawValue: 8)
        /// Conversion from f64 to bf16.
        public static let doubleToBrain = Abilities(rawValue: 16)
        /// `fptosi_lowest` from f32 to i32, of scalars and of vectors of 128 bits.
        public static let lowest = Abilities(rawValue: 32)
        /// The same of vectors of 256 bits.
        public static let lowest256 = Abilities(rawValue: 64)
        /// The same of vectors of 512 bits.
        public static let lowest512 = Abilities(rawValue: 128)

        /// What processors of a target have.
        public init(of target: CodegenTarget) {
            let isARM = target.architecture == .arm
            self = []
            if isARM || target.has(.sse41) { insert(.rounding) }
            if isARM || target.has(.f16c) { insert(.half) }
            if isARM || target.has(.avx512bf16) { insert(.brain) }
            if isARM || target.has(.avx512fp16) { insert(.doubleToHalf) }
            if isARM { insert(.doubleToBrain) }
            if !isARM { insert(.lowest) }
            if target.has(.avx) { insert(.lowest256) }
            if target.has(.avx512f) { insert(.lowest512) }
        }
    }

    private let abilities: Abilities
    private var types: [VectorType]
    private var output: [Instruction] = []

    /// The kernel with everything replaced that is not among the abilities.
    public static func expanded(_ function: VectorFunction, for abilities: Abilities) -> VectorFunction {
        var expansion = VectorExpansion(abilities: abilities, types: function.types)
        var result = function
        result.body = expansion.expanded(function.body)
        result.types = expansion.types
        return result
    }

    private init(abilities: Abilities, types: [VectorType]) { (self.abilities, self.types) = (abilities, types) }

    private mutating func expanded(_ region: Region) -> Region {
        let saved = output
        output = []
        defer { output = saved }
        for instruction in region.body { expand(instruction) }
        var result = region
        result.body = output
        return result
    }

    private mutating func expand(_ instruction: Instruction) {
        guard let replacement = replacement(instruction) else {
            var copy = instruction
            copy.regions = instruction.regions.map { expanded($0) }
            return output.append(copy)
        }
        // The last instruction made takes over the name.
        output[output.count - 1].results = instruction.results
        types[Int(replacement.id)] = type(instruction.results[0])
    }

    /// Emits what stands for an instruction, if something does.
    private mutating func replacement(_ instruction: Instruction) -> Register? {
        switch instruction.opcode {
        case .unary(let opcode): return rounded(opcode, instruction.operands[0])
        case .convert(.fpext):
            let isHalf = type(instruction.operands[0]).scalar == .f16 && !abilities.contains(.half)
            return isHalf ? extended(instruction.operands[0], to: type(instruction.results[0]).scalar) : nil
        case .convert(.fptrunc):
            return truncated(instruction.operands[0], to: type(instruction.results[0]).scalar)
        case .convert(.fptosiLowest): return whole(instruction.operands[0], type(instruction.results[0]))
        default: return nil
        }
    }

    private mutating func truncated(_ x: Register, to scalar: VectorType.Scalar) -> Register? {
        switch (type(x).scalar, scalar) {
        case (.f32, .f16): return abilities.contains(.half) ? nil : halfFromSingle(x)
        case (.f32, .bf16): return abilities.contains(.brain) ? nil : brainFromSingle(x)
        case (.f64, .f16):
            if abilities.contains(.doubleToHalf) { return nil }
            let odd = roundedToOdd(x)
            return abilities.contains(.half) ? convert(.fptrunc, odd, .f16) : halfFromSingle(odd)
        case (.f64, .bf16):
            if abilities.contains(.doubleToBrain) { return nil }
            let odd = roundedToOdd(x)
            return abilities.contains(.brain) ? convert(.fptrunc, odd, .bf16) : brainFromSingle(odd)
        default: return nil
        }
    }

    // MARK: Emitting

    private func type(_ register: Register) -> VectorType { types[Int(register.id)] }

    private mutating func emit(_ opcode: Opcode, _ operands: [Register], _ type: VectorType) -> Register {
        types.append(type)
        let result = Register(id: Int32(types.count - 1))
        output.append(Instruction(opcode: opcode, operands: operands, results: [result]))
        return result
    }

    private mutating func constant(_ bits: UInt64, like x: Register) -> Register {
        emit(.constant(bits: bits), [], type(x))
    }

    private mutating func float(_ value: Double, like x: Register) -> Register {
        constant(type(x).scalar == .f64 ? value.bitPattern : UInt64(Float(value).bitPattern), like: x)
    }

    private mutating func binary(_ opcode: BinaryOpcode, _ a: Register, _ b: Register) -> Register {
        emit(.binary(opcode), [a, b], type(a))
    }

    private mutating func binary(_ opcode: BinaryOpcode, _ a: Register, _ bits: UInt64) -> Register {
        binary(opcode, a, constant(bits, like: a))
    }

    private mutating func compare(_ predicate: Predicate, _ a: Register, _ b: Register) -> Register {
        emit(.compare(predicate), [a, b], VectorType(.i1, lanes: type(a).lanes))
    }

    private mutating func select(_ condition: Register, _ a: Register, _ b: Register) -> Register {
        emit(.select, [condition, a, b], type(a))
    }

    private mutating func convert(_ opcode: ConversionOpcode, _ a: Register, _ scalar: VectorType.Scalar) -> Register {
        emit(.convert(opcode), [a], type(a).with(scalar: scalar))
    }

    // MARK: Rounding

    /// Adding and taking off `2^fraction bits` rounds to nearest even; from there it is one step at most.
    private mutating func rounded(_ opcode: UnaryOpcode, _ x: Register) -> Register? {
        let kinds: [VectorType.Scalar] = [.f32, .f64]
        guard kinds.contains(type(x).scalar), !abilities.contains(.rounding) else { return nil }
        switch opcode {
        case .fneg, .fabs, .sqrt: return nil
        case .floor, .ceil, .trunc, .roundeven: break
        }
        let magnitude = emit(.unary(.fabs), [x], type(x))
        let base = float(type(x).scalar == .f64 ? 0x1p52 : 0x1p23, like: x)
        let nearest = binary(.fsub, binary(.fadd, magnitude, base), base)
        let whole = binary(.copysign, corrected(opcode, nearest, magnitude, x), x)
        // Larger numbers are integers; NaN stays.
        return select(compare(.olt, magnitude, base), whole, x)
    }

    private mutating func corrected(
        _ opcode: UnaryOpcode, _ nearest: Register, _ magnitude: Register, _ x: Register
    ) -> Register {
        let one = float(1, like: x)
        switch opcode {
        case .trunc:
            let down = binary(.fsub, nearest, one)
            return select(compare(.ogt, nearest, magnitude), down, nearest)
        case .floor:
            let signed = binary(.copysign, nearest, x)
            let down = binary(.fsub, signed, one)
            return select(compare(.ogt, signed, x), down, signed)
        case .ceil:
            let signed = binary(.copysign, nearest, x)
            let up = binary(.fadd, signed, one)
            return select(compare(.olt, signed, x), up, signed)
        default: return nearest
        }
    }

    // MARK: Conversion to integers

    private func hasLowest(_ from: VectorType, _ to: VectorType) -> Bool {
        guard from.scalar == .f32, to.scalar == .i32 else { return false }
        switch to.lanes {
        case 1, 4: return abilities.contains(.lowest)
        case 8: return abilities.contains(.lowest256)
        case 16: return abilities.contains(.lowest512)
        default: return false
        }
    }

    /// What cannot be converted is made zero first.
    private mutating func whole(_ x: Register, _ result: VectorType) -> Register? {
        if hasLowest(type(x), result) { return nil }
        let top = Double(sign: .plus, exponent: result.scalar.bitWidth - 1, significand: 1)
        let isAbove = compare(.oge, x, float(-top, like: x))
        let inRange = binary(.and, compare(.olt, x, float(top, like: x)), isAbove)
        let converted = convert(.fptosi, select(inRange, x, float(0, like: x)), result.scalar)
        let lowest = constant(1 << UInt64(result.scalar.bitWidth - 1), like: converted)
        return select(inRange, converted, lowest)
    }

    // MARK: Formats of 16 bits

    /// The bits of f16 moved to those of f32 are the value over 2^112, denormal numbers too.
    private mutating func extended(_ x: Register, to scalar: VectorType.Scalar) -> Register {
        let narrow = emit(.convert(.bitcast), [x], type(x).with(scalar: .i16))
        let bits = convert(.zext, narrow, .i32)
        let magnitude = binary(.and, bits, 0x7FFF)
        let moved = binary(.shl, magnitude, 13)
        let small = convert(.bitcast, moved, .f32)
        let factor = float(0x1p112, like: small)
        let finite = convert(.bitcast, binary(.fmul, small, factor), .i32)
        let special = binary(.or, moved, 0x7F80_0000)
        let isSpecial = compare(.sgt, magnitude, constant(0x7BFF, like: magnitude))
        let sign = binary(.shl, binary(.and, bits, 0x8000), 16)
        let result = binary(.or, select(isSpecial, special, finite), sign)
        let single = convert(.bitcast, result, .f32)
        return scalar == .f32 ? single : convert(.fpext, single, scalar)
    }

    /// By the method of the FP16 library: adding a power of two that depends on the exponent rounds at the right bit.
    private mutating func halfFromSingle(_ x: Register) -> Register {
        let magnitude = emit(.unary(.fabs), [x], type(x))
        let infinite = binary(.fmul, magnitude, float(0x1p112, like: x))
        let base = binary(.fmul, infinite, float(0x1p-110, like: x))
        let bits = convert(.bitcast, x, .i32)
        let exponent = binary(.and, convert(.bitcast, magnitude, .i32), 0x7F80_0000)
        let bounded = binary(.smax, exponent, constant(0x3880_0000, like: exponent))
        let aligner = convert(.bitcast, binary(.add, bounded, 0x0780_0000), .f32)
        let sum = convert(.bitcast, binary(.fadd, aligner, base), .i32)
        let high = binary(.and, binary(.lshr, sum, 13), 0x7C00)
        let number = binary(.add, high, binary(.and, sum, 0x0FFF))
        let isNaN = compare(.une, x, x)
        let chosen = select(isNaN, constant(0x7E00, like: number), number)
        let sign = binary(.and, binary(.lshr, bits, 16), 0x8000)
        let word = convert(.trunc, binary(.or, chosen, sign), .i16)
        return convert(.bitcast, word, .f16)
    }

    /// The upper half, after adding what rounds it to nearest even.
    private mutating func brainFromSingle(_ x: Register) -> Register {
        let bits = convert(.bitcast, x, .i32)
        let odd = binary(.and, binary(.lshr, bits, 16), 1)
        let sum = binary(.add, bits, binary(.add, odd, 0x7FFF))
        let quiet = binary(.or, bits, 0x0040_0000)
        let chosen = select(compare(.une, x, x), quiet, sum)
        let word = convert(.trunc, binary(.lshr, chosen, 16), .i16)
        return convert(.bitcast, word, .bf16)
    }

    /// f64 to f32 so that rounding the result again is rounding once: the last bit is set where something is lost.
    private mutating func roundedToOdd(_ x: Register) -> Register {
        let nearest = convert(.fptrunc, x, .f32)
        let back = convert(.fpext, nearest, .f64)
        let bits = convert(.bitcast, nearest, .i32)
        let isAbove = compare(.ogt, emit(.unary(.fabs), [back], type(back)), emit(.unary(.fabs), [x], type(x)))
        let down = binary(.sub, bits, 1)
        let truncated = select(isAbove, down, bits)
        let isInexact = binary(.or, compare(.olt, back, x), compare(.ogt, back, x))
        let odd = select(isInexact, binary(.or, truncated, 1), truncated)
        return convert(.bitcast, odd, .f32)
    }
}
