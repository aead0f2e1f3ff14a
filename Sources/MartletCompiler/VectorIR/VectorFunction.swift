/// The type of a register of Vector IR: a scalar, or a vector of a fixed number of lanes.
public struct VectorType: Hashable, Sendable {
    /// Scalar kinds that machines compute on.
    public enum Scalar: String, Hashable, Sendable, CaseIterable {
        case i1, i8, i16, i32, i64, f16, bf16, f32, f64, ptr

        /// Whether it is a floating-point kind.
        public var isFloat: Bool {
            switch self {
            case .f16, .bf16, .f32, .f64: return true
            default: return false
            }
        }

        /// Width in bits; pointers are 64.
        public var bitWidth: Int {
            switch self {
            case .i1: return 1
            case .i8: return 8
            case .i16, .f16, .bf16: return 16
            case .i32, .f32: return 32
            case .i64, .f64, .ptr: return 64
            }
        }
    }

    public let scalar: Scalar
    /// Number of lanes; 1 is a scalar.
    public let lanes: Int

    public init(_ scalar: Scalar, lanes: Int = 1) {
        self.scalar = scalar
        self.lanes = lanes
    }

    public static let index = VectorType(.i64)
    public static let pointer = VectorType(.ptr)
    public static let flag = VectorType(.i1)

    /// The same scalar kind with another number of lanes.
    public func with(lanes: Int) -> VectorType { VectorType(scalar, lanes: lanes) }
    /// Another scalar kind with the same number of lanes.
    public func with(scalar: Scalar) -> VectorType { VectorType(scalar, lanes: lanes) }
}

/// A register: assigned once.
public struct Register: Hashable, Sendable {
    public let id: Int32
}

/// Two-operand arithmetic. Shift amounts are below the width and divisors nonzero where the instruction is reached.
public enum BinaryOpcode: String, Hashable, Sendable, CaseIterable {
    case add, sub, mul, sdiv, udiv, srem, urem, and, or, xor, shl, lshr, ashr
    case fadd, fsub, fmul, fdiv
    /// `a > b ? a : b`, which is `b` where either is NaN.
    case fmaxB = "fmax_b"
    /// `a < b ? a : b`, which is `b` where either is NaN.
    case fminB = "fmin_b"
    case smax, smin, umax, umin
    /// Magnitude of the first with the sign of the second.
    case copysign
}

/// One-operand arithmetic, correctly rounded.
public enum UnaryOpcode: String, Hashable, Sendable, CaseIterable {
    case fneg, fabs, sqrt, floor, ceil, trunc, roundeven
}

/// Comparisons; float ones are false for NaN except `une`.
public enum Predicate: String, Hashable, Sendable, CaseIterable {
    case eq, ne, slt, sle, sgt, sge, ult, ule, ugt, uge
    case oeq, une, olt, ole, ogt, oge
}

/// Conversions between scalar kinds, lane by lane.
public enum ConversionOpcode: String, Hashable, Sendable, CaseIterable {
    case sext, zext, trunc, sitofp, uitofp, fptosi, fptoui, fpext, fptrunc, bitcast
    /// To i32 or i64 as `fptosi`; the lowest value for NaN and what is out of range, as x86 converts.
    case fptosiLowest = "fptosi_lowest"
}

/// Dot-product instructions of some machines: each 32-bit lane of `a` accumulates products of narrow pairs or quads.
public enum DotOpcode: String, Hashable, Sendable, CaseIterable {
    /// `a.i32 + Σ4 b.u8 · c.i8` (AVX512-VNNI, 512 bits).
    case u8s8
    /// `a.f32 + Σ2 b.bf16 · c.bf16` (AVX512-BF16, 512 bits).
    case bf16
}

/// What an instruction does.
public enum Opcode: Hashable, Sendable {
    case constant(bits: UInt64)
    case binary(BinaryOpcode)
    case unary(UnaryOpcode)
    /// `a·b + c` with one rounding.
    case fma
    case compare(Predicate)
    case select
    case convert(ConversionOpcode)
    case splat
    case extract(lane: Int)
    case insert(lane: Int)
    /// Lanes of the two operands' concatenation.
    case shuffle([Int])
    case dot(DotOpcode)
    /// Operand 0, a pointer, plus operand 1 bytes.
    case address
    /// Loads the result's type; `align` in bytes.
    case load(align: Int)
    /// Loads the first `n` lanes (operand 1), zeros behind.
    case loadFirst(align: Int)
    /// Stores operand 0 at operand 1.
    case store(align: Int)
    /// Stores the first `n` lanes (operand 2).
    case storeFirst(align: Int)
    /// `for i in stride(from: op0, to: op1, by: op2)`, carried values from operand 3; region: (i, carried…) → carried.
    case loop
    /// Region 0 where operand 0 is true, else region 1; both yield the results.
    case branch
    /// Asks for the cache line at operand 0, which may lie outside all memory, ahead of its use.
    case prefetch
    /// Notes a violation at grid index operand 1 in the status block behind operand 0, `bases`: the least index wins.
    case violation(code: Int)
}

/// One instruction with its nested regions.
public struct Instruction: Sendable {
    public var opcode: Opcode
    public var operands: [Register]
    public var results: [Register]
    public var regions: [Region] = []
}

/// A straight list of instructions that ends by yielding values.
public struct Region: Sendable {
    public var parameters: [Register] = []
    public var body: [Instruction] = []
    public var yields: [Register] = []
}

/// A kernel: `(bases, words, first, last, scratch)` as parameters 0 to 4 of its body.
public struct VectorFunction: Sendable {
    public var name: String
    /// Type of each register by id.
    public var types: [VectorType]
    public var body: Region

    /// The type of a register.
    public func type(of register: Register) -> VectorType { types[Int(register.id)] }
}
