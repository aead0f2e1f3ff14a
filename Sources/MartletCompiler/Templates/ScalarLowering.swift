import MartletCore
import MartletIR

/// How scalar functions on element types become Vector IR instructions.
///
/// Registers hold bool as `i1`, integers as themselves, f32 and f64 as themselves; f16 and bf16 are held as f32 values that
/// are rounded to the narrow type after every function, as the reference does.
struct ScalarLowering {
    let builder: VectorBuilder
    let machine: VectorMachine
    private let math: VectorMath

    init(_ builder: VectorBuilder, _ machine: VectorMachine) {
        self.builder = builder
        self.machine = machine
        math = VectorMath(builder, machine)
    }

    // MARK: Types

    /// The scalar kind of an element in memory.
    func memoryType(_ type: ElementType) throws -> VectorType.Scalar {
        switch type {
        case .bool, .int8, .uint8: return .i8
        case .int16, .uint16: return .i16
        case .int32, .uint32: return .i32
        case .int64, .uint64: return .i64
        case .float16: return .f16
        case .bfloat16: return .i16
        case .float32: return .f32
        case .float64: return .f64
        default:
            throw Diagnostic(
                "compile.element-type", "elements of type \(type.name) cannot be computed on by compiled code",
                help: "run the model with --engine reference")
        }
    }

    /// The register that holds an element.
    func registerType(_ type: ElementType, lanes: Int = 1) -> VectorType {
        switch type {
        case .bool: return VectorType(.i1, lanes: lanes)
        case .int8, .uint8: return VectorType(.i8, lanes: lanes)
        case .int16, .uint16: return VectorType(.i16, lanes: lanes)
        case .int32, .uint32: return VectorType(.i32, lanes: lanes)
        case .float16, .bfloat16, .float32: return VectorType(.f32, lanes: lanes)
        case .float64: return VectorType(.f64, lanes: lanes)
        default: return VectorType(.i64, lanes: lanes)
        }
    }

    /// Whether rows of the type are reduced with a lane each.
    func isVectorisable(_ type: ElementType) -> Bool {
        type == .float32 || type == .int32 || type == .int64 || type == .float64
    }

    /// From what memory holds to a register.
    func afterLoad(_ loaded: Register, _ type: ElementType) -> Register {
        switch type {
        case .bool:
            let kind = builder.type(of: loaded)
            return builder.compare(.ne, loaded, builder.int(0, kind))
        case .float16: return builder.convert(.fpext, loaded, to: .f32)
        case .bfloat16:
            let wide = builder.convert(.zext, loaded, to: .i32)
            let shifted = builder.binary(.shl, wide, builder.int(16, builder.type(of: wide)))
            return builder.bitcast(shifted, to: builder.type(of: wide).with(scalar: .f32))
        default: return loaded
        }
    }

    /// From a register to what memory holds.
    func beforeStore(_ value: Register, _ type: ElementType) -> Register {
        switch type {
        case .bool: return builder.convert(.zext, value, to: .i8)
        case .float16: return builder.convert(.fptrunc, value, to: .f16)
        case .bfloat16: return builder.convert(.trunc, builder.binary(.lshr, bits(value), shift16(value)), to: .i16)
        default: return value
        }
    }

    private func bits(_ value: Register) -> Register {
        builder.bitcast(value, to: builder.type(of: value).with(scalar: .i32))
    }

    private func shift16(_ value: Register) -> Register {
        builder.int(16, builder.type(of: value).with(scalar: .i32))
    }

    /// A literal of an element type.
    func constant(bits: UInt64, _ type: ElementType) -> Register {
        switch type {
        case .float16:
            return builder.float(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))), VectorType(.f32))
        case .bfloat16: return builder.constant(bits: bits << 16 & 0xFFFF_FFFF, VectorType(.f32))
        default: return builder.constant(bits: bits, registerType(type))
        }
    }

    /// A register of integer kind as a 64-bit index.
    func toIndex(_ value: Register, _ type: ElementType) -> Register {
        builder.convert(type.isSigned ? .sext : .zext, value, to: .i64)
    }

    /// Rounds a value held as f32 to its narrow element type.
    func rounded(_ value: Register, _ type: ElementType) -> Register {
        switch type {
        case .float16: return builder.convert(.fpext, builder.convert(.fptrunc, value, to: .f16), to: .f32)
        case .bfloat16: return roundedToBFloat16(value)
        default: return value
        }
    }

    /// Round to nearest even on the bits; NaN keeps its sign and stays a NaN.
    private func roundedToBFloat16(_ value: Register) -> Register {
        let raw = bits(value)
        let kind = builder.type(of: raw)
        let odd = builder.binary(.and, builder.binary(.lshr, raw, shift16(value)), builder.int(1, kind))
        let sum = builder.binary(.add, raw, builder.binary(.add, odd, builder.int(0x7FFF, kind)))
        let isNaN = builder.compare(.une, value, value)
        let quiet = builder.binary(.or, raw, builder.int(0x40_0000, kind))
        let chosen = builder.select(isNaN, quiet, sum)
        let kept = builder.binary(.and, chosen, builder.int(0xFFFF_0000, kind))
        return builder.bitcast(kept, to: builder.type(of: value))
    }

    // MARK: Accumulating

    func fromAccumulator(_ value: Register, _ type: ElementType) -> Register { rounded(value, type) }

    /// `a·b + c`, with one rounding where the machine has it.
    func multiplyAdd(_ a: Register, _ b: Register, _ c: Register) -> Register {
        guard builder.type(of: c).scalar.isFloat else { return builder.binary(.add, builder.binary(.mul, a, b), c) }
        return machine.hasFMA
            ? builder.fma(a, b, c) : builder.binary(.fadd, builder.binary(.fmul, a, b), c)
    }

    /// What an empty reduction gives.
    func identity(_ combiner: Combiner, _ type: ElementType, lanes: Int) -> Register {
        let kind = registerType(type, lanes: lanes)
        switch combiner {
        case .sum, .or: return builder.constant(bits: 0, kind)
        case .and: return builder.constant(bits: type == .bool ? 1 : UInt64.max, kind)
        case .prod: return kind.scalar.isFloat ? builder.float(1, kind) : builder.int(1, kind)
        case .max: return kind.scalar.isFloat ? builder.float(-.infinity, kind) : builder.int(type.lowestInt, kind)
        case .min: return kind.scalar.isFloat ? builder.float(.infinity, kind) : builder.int(type.highestInt, kind)
        }
    }

    func combine(_ combiner: Combiner, _ a: Register, _ b: Register, _ type: ElementType) -> Register {
        let isFloat = builder.type(of: a).scalar.isFloat
        switch combiner {
        case .sum: return builder.binary(isFloat ? .fadd : .add, a, b)
        case .prod: return builder.binary(isFloat ? .fmul : .mul, a, b)
        case .max: return extreme(a, b, type, maximum: true)
        case .min: return extreme(a, b, type, maximum: false)
        case .and: return builder.binary(.and, a, b)
        case .or: return builder.binary(.or, a, b)
        }
    }

    /// Max or min; NaN wins, and the first of equal values, which are zeros of two signs if they differ.
    private func extreme(_ a: Register, _ b: Register, _ type: ElementType, maximum: Bool) -> Register {
        guard builder.type(of: a).scalar.isFloat else {
            if type == .bool { return builder.binary(maximum ? .or : .and, a, b) }
            return builder.binary(
                opcode(type, signed: maximum ? .smax : .smin, unsigned: maximum ? .umax : .umin), a, b)
        }
        // `fmaxB(b, a)` is a where either is NaN, so only NaN in b has to be put back.
        let chosen = builder.binary(maximum ? .fmaxB : .fminB, b, a)
        return builder.isNumber(b) ? chosen : builder.select(builder.compare(.une, b, b), b, chosen)
    }

    /// Whether `a` replaces the best value so far; the first NaN wins over everything.
    func wins(_ a: Register, over best: Register, maximum: Bool, lastTie: Bool, _ type: ElementType) -> Register {
        let function: ScalarOp = maximum ? (lastTie ? .ge : .gt) : (lastTie ? .le : .lt)
        let better = builder.compare(predicate(function, type), a, best)
        guard builder.type(of: a).scalar.isFloat else { return better }
        let bestIsNumber = builder.compare(.oeq, best, best)
        let either = builder.binary(.or, better, builder.compare(.une, a, a))
        return builder.binary(.and, either, bestIsNumber)
    }

    // MARK: Functions

    private func opcode(_ type: ElementType, signed: BinaryOpcode, unsigned: BinaryOpcode) -> BinaryOpcode {
        type.isSigned ? signed : unsigned
    }

    /// Applies a function to registers of equal lanes. `types` are the operands' element types, `result` the result's.
    func apply(
        _ function: ScalarOp, _ operands: [Register], _ types: [ElementType], _ result: ElementType
    ) throws -> Register {
        let type = types[0]
        switch function {
        case .select: return builder.select(operands[0], operands[1], operands[2])
        case .cast: return try CastLowering(self).cast(operands[0], from: type, to: result)
        case .bitcast: return bitcast(operands[0], type, result)
        case .eq, .ne, .lt, .le, .gt, .ge:
            return builder.compare(predicate(function, type), operands[0], operands[1])
        default: break
        }
        if type.isFloatingPoint { return rounded(try float(function, operands), result) }
        if type == .bool { return try logical(function, operands) }
        return try IntegerLowering(builder, type).apply(function, operands)
    }

    private func bitcast(_ value: Register, _ from: ElementType, _ to: ElementType) -> Register {
        let memory = beforeStore(value, from)
        guard let kind = try? memoryType(to) else { return value }
        return afterLoad(builder.bitcast(memory, to: builder.type(of: memory).with(scalar: kind)), to)
    }

    func predicate(_ function: ScalarOp, _ type: ElementType) -> Predicate {
        let kind = type.isFloatingPoint ? 0 : type.isSigned ? 1 : 2
        switch function {
        case .eq: return [.oeq, .eq, .eq][kind]
        case .ne: return [.une, .ne, .ne][kind]
        case .lt: return [.olt, .slt, .ult][kind]
        case .le: return [.ole, .sle, .ule][kind]
        case .gt: return [.ogt, .sgt, .ugt][kind]
        default: return [.oge, .sge, .uge][kind]
        }
    }

    private func float(_ function: ScalarOp, _ x: [Register]) throws -> Register {
        switch function {
        case .add: return builder.binary(.fadd, x[0], x[1])
        case .sub: return builder.binary(.fsub, x[0], x[1])
        case .mul: return builder.binary(.fmul, x[0], x[1])
        case .div: return builder.binary(.fdiv, x[0], x[1])
        case .max: return extreme(x[0], x[1], .float32, maximum: true)
        case .min: return extreme(x[0], x[1], .float32, maximum: false)
        case .neg: return builder.unary(.fneg, x[0])
        case .abs: return builder.unary(.fabs, x[0])
        case .floor: return builder.unary(.floor, x[0])
        case .ceil: return builder.unary(.ceil, x[0])
        case .trunc: return builder.unary(.trunc, x[0])
        case .round: return builder.unary(.roundeven, x[0])
        case .sqrt: return builder.unary(.sqrt, x[0])
        case .sign: return sign(x[0])
        case .exp: return math.exp(x[0])
        case .expm1: return math.expm1(x[0])
        case .log: return math.log(x[0])
        case .log1p: return math.log1p(x[0])
        case .sin: return math.sin(x[0])
        case .cos: return math.cos(x[0])
        case .tanh: return math.tanh(x[0])
        case .erf: return math.erf(x[0])
        case .atan2: return math.atan2(x[0], x[1])
        case .pow: return math.pow(x[0], x[1])
        case .rem: return math.rem(x[0], x[1])
        default: throw Diagnostic("compile.function", "'\(function.rawValue)' does not take floating-point values")
        }
    }

    /// -1, 0 or 1 with zeros and NaN kept.
    private func sign(_ x: Register) -> Register {
        let kind = builder.type(of: x)
        let unit = builder.binary(.copysign, builder.float(1, kind), x)
        let isOrdered = builder.compare(.oeq, x, x)
        let isZero = builder.compare(.oeq, x, builder.float(0, kind))
        return builder.select(isZero, x, builder.select(isOrdered, unit, x))
    }

    private func logical(_ function: ScalarOp, _ x: [Register]) throws -> Register {
        switch function {
        case .and, .min, .mul: return builder.binary(.and, x[0], x[1])
        case .or, .max: return builder.binary(.or, x[0], x[1])
        case .xor: return builder.binary(.xor, x[0], x[1])
        case .not: return builder.binary(.xor, x[0], builder.constant(bits: 1, builder.type(of: x[0])))
        default: throw Diagnostic("compile.function", "'\(function.rawValue)' does not take bools")
        }
    }
}

extension ElementType {
    /// Smallest value of an integer type, as 64 bits.
    var lowestInt: Int {
        if self == .bool || !isSigned { return 0 }
        return bitWidth >= 64 ? Int.min : -(1 << (bitWidth - 1))
    }

    /// Largest value of an integer type, as 64 bits; the bit pattern for uint64.
    var highestInt: Int {
        if self == .bool { return 1 }
        if isSigned { return bitWidth >= 64 ? Int.max : (1 << (bitWidth - 1)) - 1 }
        return bitWidth >= 64 ? -1 : (1 << bitWidth) - 1
    }
}
