/// The scalar functions that bodies of kernels are made of: the 32 map primitives on one element.
///
/// Semantics (NaN, signed zero, overflow) are those of the map primitive of the same name.
public enum ScalarOp: String, Hashable, Sendable, CaseIterable {
    case add, sub, mul, div, rem, pow, max, min
    case neg, abs, sign, floor, ceil, trunc, round
    case exp, expm1, log, log1p, sqrt, sin, cos, tanh, atan2, erf
    case eq, ne, lt, le, gt, ge
    case select
    case and, or, xor, not, shl, shr
    /// Value conversion to the node's type; out-of-range floats convert as x86 does.
    case cast
    /// The same bits in the node's type of equal width.
    case bitcast

    /// Number of operands.
    public var arity: Int {
        switch self {
        case .neg, .abs, .sign, .floor, .ceil, .trunc, .round, .exp, .expm1, .log, .log1p, .sqrt, .sin, .cos, .tanh,
            .erf, .not, .cast, .bitcast:
            return 1
        case .select: return 3
        default: return 2
        }
    }

    /// Whether the two operands may change places.
    public var commutes: Bool {
        switch self {
        case .add, .mul, .max, .min, .eq, .ne, .and, .or, .xor: return true
        default: return false
        }
    }

    /// Whether the result is bool whatever the operands' type.
    public var isComparison: Bool {
        switch self {
        case .eq, .ne, .lt, .le, .gt, .ge: return true
        default: return false
        }
    }
}

/// How the elements of a reduction are combined.
public enum Combiner: String, Hashable, Sendable, CaseIterable {
    case sum, prod, max, min, and, or
}
