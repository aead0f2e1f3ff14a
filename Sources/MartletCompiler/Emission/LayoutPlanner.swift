import MartletCore
import MartletIR

/// Chooses the order in which a stored value's axes lie in memory.
///
/// Convolutions and products put the axis of their weights innermost (channels last), so that tiles read and write
/// vectors; other groups keep the order of what they read. Nothing is transposed for it: every kernel reads any strides.
enum LayoutPlanner {
    /// The memory order of a group's result; `operandOrders` are those of its stored operands.
    static func order(_ group: FusedGroup, operandOrders: [[Int]]) -> [Int] {
        let rank = group.type.rank
        let rowMajor = Array(0..<rank)
        if group.anchor != nil { return anchorOrder(group) ?? rowMajor }
        for node in group.body.nodes.indices {
            guard case .load(let operand, let index, _) = group.body.nodes[node],
                operandOrders[operand].count == rank, operandOrders[operand] != Array(0..<rank),
                follows(index, group.axes)
            else { continue }
            return operandOrders[operand]
        }
        return rowMajor
    }

    /// Whether axis `k` of the operand is walked by axis `k` of the result, for every axis longer than one.
    private static func follows(_ index: [IntExpr], _ axes: [LoopAxis]) -> Bool {
        zip(index, axes).allSatisfy { $0.contains($1.symbol) || $1.extent.constant == 1 }
    }

    /// The order that suits a contraction's tiles, where it is not row-major: the axes of the second factor alone go
    /// innermost.
    static func anchorOrder(_ group: FusedGroup) -> [Int]? {
        guard let anchor = group.anchor, case .reduce(_, _, let product, _) = group.body.nodes[anchor],
            let (first, second) = group.body.factors(product)
        else { return nil }
        let axes = group.axes.map(\.symbol)
        let inFirst = symbols(of: first, group.body), inSecond = symbols(of: second, group.body)
        guard let last = axes.indices.last(where: { group.axes[$0].extent.constant != 1 }) else { return nil }
        let own = axes.indices.filter { inSecond.contains(axes[$0]) && !inFirst.contains(axes[$0]) }
        let shared = axes.indices.filter { inSecond.contains(axes[$0]) && inFirst.contains(axes[$0]) }
        if own.contains(last) { return nil }
        if !own.isEmpty { return axes.indices.filter { !own.contains($0) } + own }
        // Depthwise: the channel axis is in both factors, the spatial axes in the first alone.
        guard inFirst.contains(axes[last]), !inSecond.contains(axes[last]), !shared.isEmpty else { return nil }
        return axes.indices.filter { !shared.contains($0) } + shared
    }

    private static func symbols(of node: Int, _ body: ScalarBody) -> Set<Symbol> {
        var found = Set(body.expressions(of: node).flatMap(\.symbols))
        for operand in body.operands(of: node) { found.formUnion(symbols(of: operand, body)) }
        return found
    }

    /// Sums shorter than this are not worth a copy of the row factor.
    private static let leastDepth = 16

    /// The order in which a convolution wants its row factor: the axis that the unguarded sum walks innermost.
    ///
    /// Nil where the operand is no row factor with guards or several reduced axes, or the sum is short.
    static func depthOrder(_ operand: Int, _ group: FusedGroup) -> [Int]? {
        guard let anchor = group.anchor, anchorOrder(group) != nil,
            case .reduce(_, let axes, let product, _) = group.body.nodes[anchor],
            let (first, _) = group.body.factors(product), let load = loadNode(first, group.body),
            case .load(operand, let index, _) = group.body.nodes[load],
            let depth = axes.first(where: { axis in index.contains { $0 == IntExpr(axis.symbol) } }),
            depth.extent.constant ?? leastDepth >= leastDepth,
            let axis = index.firstIndex(of: IntExpr(depth.symbol))
        else { return nil }
        return index.indices.filter { $0 != axis } + [axis]
    }

    private static func loadNode(_ node: Int, _ body: ScalarBody) -> Int? {
        if case .load = body.nodes[node] { return node }
        return body.operands(of: node).first.flatMap { loadNode($0, body) }
    }

    /// The order of a constant in which the kernel's innermost axis is contiguous, if it is read at one index only.
    static func constantOrder(_ operand: Int, _ group: FusedGroup, innermost: Symbol?) -> [Int]? {
        var found: [IntExpr]?
        for case .load(let number, let index, _) in group.body.nodes where number == operand {
            if found != nil { return nil }
            found = index
        }
        guard let index = found, let innermost,
            let axis = index.firstIndex(where: { $0.coefficients(of: innermost)?.linear == 1 })
        else { return nil }
        return index.indices.filter { $0 != axis } + [axis]
    }
}
