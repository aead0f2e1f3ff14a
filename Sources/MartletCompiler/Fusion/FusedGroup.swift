import MartletCore
import MartletIR

/// A value that is stored, with everything that is computed on the way to each of its elements.
///
/// For each point of `axes` the group stores the value of `body`'s node `root`. Loads name positions of `operands`.
struct FusedGroup {
    /// The stored value.
    let result: ValueID
    let type: TensorType
    /// Axis `k` of the result has the variable `Symbol.axis(k)`.
    let axes: [LoopAxis]
    let body: ScalarBody
    let root: Int
    /// Stored values that are read.
    let operands: [ValueID]
    /// The reduction that a contraction template takes as its centre, if there is one.
    let anchor: Int?
    /// Names of the source nodes that the group computes.
    let origins: [String]

    /// Whether a factor of the anchor is computed in place.
    var computesFactor: Bool {
        guard let anchor, case .reduce(_, _, let product, _) = body.nodes[anchor],
            let (first, second) = body.factors(product)
        else { return false }
        return body.computedFactor(first) != nil || body.computedFactor(second) != nil
    }
}

/// How costly a form is to evaluate once more.
enum FormCost: Comparable {
    /// Only index arithmetic and loads.
    case view
    /// A few simple instructions.
    case cheap
    /// Division, roots, transcendental functions.
    case expensive
    /// A reduction.
    case reduction
    /// A sum of products: anchor of a contraction template.
    case contraction

    init(_ form: LoopForm) {
        var cost = FormCost.view
        for node in form.body.nodes { cost = max(cost, FormCost(node, form.body)) }
        self = cost
    }

    private init(_ node: ScalarNode, _ body: ScalarBody) {
        switch node {
        case .load, .index, .constant, .guarded, .dynamic: self = .view
        case .apply(let function, _, _): self = function.isExpensive ? .expensive : .cheap
        case .reduce(.sum, let axes, let value, _):
            self = axes.isEmpty ? .cheap : body.isProduct(value) ? .contraction : .reduction
        case .reduce, .argreduce: self = .reduction
        }
    }
}

extension ElementType {
    /// Whether values of the type are worth computing once into memory of a contraction's kernel: elements that lie side
    /// by side in the words of dot products.
    var isNarrowFactor: Bool { self == .uint8 || self == .int8 || self == .bfloat16 }
}

extension ScalarOp {
    /// Whether evaluating it twice is worth avoiding.
    var isExpensive: Bool {
        switch self {
        case .div, .rem, .pow, .exp, .expm1, .log, .log1p, .sqrt, .sin, .cos, .tanh, .atan2, .erf: return true
        default: return false
        }
    }
}

extension ScalarBody {
    /// The two factors, where the node is a product of two loads (each perhaps converted or guarded), of which one may
    /// also be a narrow value computed in place.
    func factors(_ node: Int) -> (Int, Int)? {
        guard case .apply(.mul, let operands, _) = nodes[node], operands.count == 2,
            isLoad(operands[0]) || computedFactor(operands[0]) != nil,
            isLoad(operands[1]) || computedFactor(operands[1]) != nil
        else { return nil }
        return (operands[0], operands[1])
    }

    func isProduct(_ node: Int) -> Bool { factors(node) != nil }

    private func isLoad(_ node: Int) -> Bool {
        switch nodes[node] {
        case .load: return true
        case .apply(.cast, let operands, _): return isWidening(node) && isLoad(operands[0])
        case .guarded(_, let value, _): return isLoad(value)
        default: return false
        }
    }

    /// Whether the node converts to the type of a sum, so that a factor may be converted where it is multiplied.
    private func isWidening(_ node: Int) -> Bool {
        guard case .apply(.cast, let operands, let type) = nodes[node] else { return false }
        let source = self.type(of: operands[0])
        if source.isInteger && type.isInteger { return type.bitWidth >= 32 }
        return source.isFloatingPoint && type.isFloatingPoint && source.bitWidth <= type.bitWidth
    }

    /// The node of the narrow value, where the node is one that is computed from what is loaded (perhaps converted to the
    /// type of the sum).
    func computedFactor(_ node: Int) -> Int? {
        if isLoad(node) { return nil }
        var value = node
        if isWidening(node), case .apply(_, let operands, _) = nodes[node] { value = operands[0] }
        guard case .apply = nodes[value], type(of: value).isNarrowFactor else { return nil }
        return value
    }

    /// Operands of a node, in order.
    func operands(of node: Int) -> [Int] {
        switch nodes[node] {
        case .load, .index, .constant: return []
        case .apply(_, let operands, _): return operands
        case .guarded(_, let value, let otherwise): return [value, otherwise]
        case .reduce(_, _, let value, _), .argreduce(_, _, _, let value): return [value]
        case .dynamic(_, let value, _, _, let body): return [value, body]
        }
    }

    /// Index expressions that a node itself evaluates.
    func expressions(of node: Int) -> [IntExpr] {
        switch nodes[node] {
        case .load(_, let index, _): return index
        case .index(let expression): return [expression]
        case .guarded(let guards, _, _): return guards.flatMap { [$0.expression, $0.limit] }
        case .dynamic(_, _, let limit, _, _): return [limit]
        default: return []
        }
    }
}
