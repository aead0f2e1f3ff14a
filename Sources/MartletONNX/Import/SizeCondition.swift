import MartletCore
import MartletIR

/// A condition on sizes, as a model's `If` depends on it.
indirect enum SizeCondition: Hashable {
    case known(Bool)
    /// The expression is 0.
    case zero(IntExpr)
    /// The expression is below 0.
    case negative(IntExpr)
    case not(SizeCondition)
    case both(SizeCondition, SizeCondition)
    case either(SizeCondition, SizeCondition)

    /// Whether the condition holds for all sizes (true) or for none (false) within the ranges, given some facts.
    func decided(_ ranges: SymbolRanges, _ facts: SizeFacts) -> Bool? {
        if let fact = facts[self] { return fact }
        switch self {
        case .known(let value): return value
        case .zero(let expression): return expression.isEqual(to: 0, ranges).bool
        case .negative(let expression): return expression.isLess(than: 0, ranges).bool
        case .not(let inner): return inner.decided(ranges, facts).map { !$0 }
        case .both(let first, let second):
            let (left, right) = (first.decided(ranges, facts), second.decided(ranges, facts))
            if left == false || right == false { return false }
            return left == true && right == true ? true : nil
        case .either(let first, let second):
            return SizeCondition.both(.not(first), .not(second)).decided(ranges, facts).map { !$0 }
        }
    }
}

extension Answer {
    fileprivate var bool: Bool? {
        switch self {
        case .yes: true
        case .no: false
        case .unknown: nil
        }
    }
}

/// Conditions that were decided on the way to where the import is now.
struct SizeFacts {
    private var known: [SizeCondition: Bool] = [:]

    subscript(condition: SizeCondition) -> Bool? { known[condition] }

    /// Notes that a condition holds, or that it does not.
    mutating func assume(_ condition: SizeCondition, _ truth: Bool) {
        known[condition] = truth
        switch (condition, truth) {
        case (.zero(let expression), _): known[.zero(-expression)] = truth
        case (.negative(let expression), true): assume(.zero(expression), false)
        case (.not(let inner), _): assume(inner, !truth)
        case (.both(let first, let second), true), (.either(let first, let second), false):
            assume(first, truth)
            assume(second, truth)
        default: break
        }
    }
}

// MARK: - From a graph

extension SizeCondition {
    /// Tensors are followed this far back.
    private static let depthLimit = 32

    /// The condition that the one element of a tensor is true, or not 0; nil where it depends on data.
    init?(_ tensor: Tensor, depth: Int = 0) {
        guard depth < Self.depthLimit, (try? tensor.type.count) == 1 else { return nil }
        if let value = try? tensor.concrete?.ints().first {
            self = .known(value != 0)
        } else if let size = tensor.symbolicValues?.first {
            self = .not(.zero(size))
        } else if let definition = tensor.definition {
            self.init(definition.operation, definition.operands, depth)
        } else {
            return nil
        }
    }

    private init?(_ operation: any Operation, _ operands: [Tensor], _ depth: Int) {
        if operation is MartletIR.Reshape || operation is MartletIR.Transpose || operation is MartletIR.Broadcast {
            self.init(operands[0], depth: depth + 1)
        } else if let map = operation as? MartletIR.Map {
            self.init(map.function, operands, depth)
        } else {
            return nil
        }
    }

    private init?(_ function: ScalarOp, _ operands: [Tensor], _ depth: Int) {
        switch function {
        case .cast, .not:
            guard let inner = SizeCondition(operands[0], depth: depth + 1) else { return nil }
            self = function == .not ? .not(inner) : inner
        case .and, .or:
            guard let left = SizeCondition(operands[0], depth: depth + 1),
                let right = SizeCondition(operands[1], depth: depth + 1)
            else { return nil }
            self = function == .and ? .both(left, right) : .either(left, right)
        default:
            guard function.isComparison, let left = operands[0].symbolicValues?.first,
                let right = operands[1].symbolicValues?.first
            else { return nil }
            self = Self.comparison(function, left - right)
        }
    }

    private static func comparison(_ function: ScalarOp, _ difference: IntExpr) -> SizeCondition {
        switch function {
        case .eq: .zero(difference)
        case .ne: .not(.zero(difference))
        case .lt: .negative(difference)
        case .ge: .not(.negative(difference))
        case .gt: .negative(-difference)
        default: .not(.negative(-difference))
        }
    }
}

// MARK: - Ranges

/// The ranges that a condition leaves to symbols.
struct SizeLimits {
    typealias Limit = (symbol: Symbol, lower: Int?, upper: Int?)

    var list: [Limit] = []
    /// Whether all values within fulfil the condition, so that the ranges say all of it.
    var isExact = false

    init(list: [Limit] = [], isExact: Bool = false) {
        self.list = list
        self.isExact = isExact
    }

    init(_ change: SignChange?, _ range: (SignChange) -> Bounds?) {
        if let change, let bounds = range(change) {
            self.init(list: [(change.symbol, bounds.lower, bounds.upper)], isExact: true)
        } else {
            self.init()
        }
    }
}

extension SizeCondition {
    /// What the ranges of symbols come down to where the condition is true, or false.
    func limits(assuming truth: Bool, _ ranges: SymbolRanges) -> SizeLimits {
        switch (self, truth) {
        case (.not(let inner), _): return inner.limits(assuming: !truth, ranges)
        case (.both(let first, let second), true), (.either(let first, let second), false):
            let (left, right) = (first.limits(assuming: truth, ranges), second.limits(assuming: truth, ranges))
            return SizeLimits(list: left.list + right.list, isExact: left.isExact && right.isExact)
        case (.zero(let expression), _):
            return SizeLimits(expression.signChange(ranges), { truth ? $0.zero : $0.nonzero })
        case (.negative(let expression), _):
            return SizeLimits(expression.signChange(ranges), { truth ? $0.negative : $0.nonnegative })
        default: return SizeLimits()
        }
    }
}
