public import MartletCore

/// An axis of a loop nest: a loop variable in `0..<extent`.
public struct LoopAxis: Hashable, Sendable {
    /// The variable, as it occurs in index expressions.
    public let symbol: Symbol
    /// Its extent.
    public let extent: IntExpr

    public init(_ symbol: Symbol, _ extent: IntExpr) {
        self.symbol = symbol
        self.extent = extent
    }
}

/// The condition `0 <= expression < limit`.
public struct IndexGuard: Hashable, Sendable {
    public let expression: IntExpr
    public let limit: IntExpr

    public init(_ expression: IntExpr, below limit: IntExpr) {
        self.expression = expression
        self.limit = limit
    }
}

/// One node of a scalar body. Operands are positions of earlier nodes of the same body.
public enum ScalarNode: Hashable, Sendable {
    /// Element of operand number `operand` at `index`, one expression an axis. The index is in range wherever the node is
    /// evaluated: ops that may leave it stand under `guarded` or clamp.
    case load(operand: Int, index: [IntExpr], type: ElementType)
    /// A loop variable or size expression as an `i64`.
    case index(IntExpr)
    /// A literal by its bits (two's complement or IEEE, in the low bits).
    case constant(bits: UInt64, type: ElementType)
    /// A scalar function; `type` is the type of the result.
    case apply(ScalarOp, [Int], type: ElementType)
    /// `value` where all guards hold, else `otherwise`; `value` is not evaluated where they do not.
    case guarded([IndexGuard], value: Int, otherwise: Int)
    /// Combination of `value` over all points of `axes`, in row-major order of the axes.
    case reduce(Combiner, axes: [LoopAxis], value: Int, type: ElementType)
    /// Row-major position, as an `i64`, of the extreme `value` within `axes`.
    case argreduce(maximum: Bool, lastTie: Bool, axes: [LoopAxis], value: Int)
    /// Gives the integer node `value`, a data-dependent index, a name that index expressions may use.
    ///
    /// Checked indices outside `0..<limit` report a violation and read element 0 instead.
    case dynamic(Symbol, value: Int, limit: IntExpr, checked: Bool, body: Int)
}

/// A scalar computation: nodes in order, the last ones that `roots` names are the results.
public struct ScalarBody: Hashable, Sendable {
    /// Nodes; operands stand before their users.
    public private(set) var nodes: [ScalarNode] = []
    private var interned: [ScalarNode: Int] = [:]

    public init() {}

    /// Adds a node, or finds the equal one.
    public mutating func add(_ node: ScalarNode) -> Int {
        if let known = interned[node] { return known }
        nodes.append(node)
        interned[node] = nodes.count - 1
        return nodes.count - 1
    }

    /// The position of an equal node, if there is one.
    public func find(_ node: ScalarNode) -> Int? { interned[node] }

    /// The element type of a node's value.
    public func type(of node: Int) -> ElementType {
        switch nodes[node] {
        case .load(_, _, let type), .constant(_, let type), .apply(_, _, let type), .reduce(_, _, _, let type):
            return type
        case .index, .argreduce: return .int64
        case .guarded(_, let value, _): return self.type(of: value)
        case .dynamic(_, _, _, _, let body): return self.type(of: body)
        }
    }

    /// The same body with its index expressions and reduced axes rewritten; also the new position of each node.
    public func rewritten(
        expression: (IntExpr) -> IntExpr, axes: ([LoopAxis]) -> [LoopAxis]
    ) -> (body: ScalarBody, positions: [Int]) {
        var result = ScalarBody()
        var positions: [Int] = []
        for node in nodes {
            positions.append(result.add(ScalarBody.rewritten(node, positions, expression, axes)))
        }
        return (result, positions)
    }

    private static func rewritten(
        _ node: ScalarNode, _ positions: [Int], _ expression: (IntExpr) -> IntExpr, _ axes: ([LoopAxis]) -> [LoopAxis]
    ) -> ScalarNode {
        switch node {
        case .load(let operand, let index, let type):
            return .load(operand: operand, index: index.map(expression), type: type)
        case .index(let value): return .index(expression(value))
        case .constant: return node
        case .apply(let function, let operands, let type):
            return .apply(function, operands.map { positions[$0] }, type: type)
        case .guarded(let guards, let value, let otherwise):
            let moved = guards.map { IndexGuard(expression($0.expression), below: expression($0.limit)) }
            return .guarded(moved, value: positions[value], otherwise: positions[otherwise])
        case .reduce(let combiner, let reduced, let value, let type):
            return .reduce(combiner, axes: axes(reduced), value: positions[value], type: type)
        case .argreduce(let maximum, let lastTie, let reduced, let value):
            return .argreduce(maximum: maximum, lastTie: lastTie, axes: axes(reduced), value: positions[value])
        case .dynamic(let symbol, let value, let limit, let checked, let body):
            return .dynamic(
                symbol, value: positions[value], limit: expression(limit), checked: checked, body: positions[body])
        }
    }

    public static func == (left: ScalarBody, right: ScalarBody) -> Bool { left.nodes == right.nodes }
    public func hash(into hasher: inout Hasher) { hasher.combine(nodes) }
}

/// One result of a loop nest: for each point of `axes`, the value of node `root`.
public struct LoopForm: Hashable, Sendable {
    /// Parallel axes: axis `k` of the result is `axes[k]`, its variable is `Symbol.axis(k)`.
    public var axes: [LoopAxis]
    /// Body; reduced axes have variables `Symbol.axis(k)` with `k` at least the result's rank.
    public var body: ScalarBody
    /// The result's node.
    public var root: Int

    public init(axes: [LoopAxis], body: ScalarBody, root: Int) {
        self.axes = axes
        self.body = body
        self.root = root
    }

    /// The parallel axes of a result of that shape.
    public static func axes(of shape: [IntExpr]) -> [LoopAxis] {
        shape.enumerated().map { LoopAxis(.axis($0.offset), $0.element) }
    }

    /// The variables of the first `rank` parallel axes as expressions.
    public static func variables(_ rank: Int) -> [IntExpr] {
        (0..<rank).map { IntExpr(Symbol.axis($0)) }
    }
}
