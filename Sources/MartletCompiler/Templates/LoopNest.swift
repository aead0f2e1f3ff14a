import MartletCore
import MartletIR

/// A group made ready for a template: loads as flat element offsets, dependences of each node, mergeable axes merged.
struct LoopNest {
    /// Parallel axes in the memory order of the result, outermost first.
    var axes: [LoopAxis]
    var body: ScalarBody
    var root: Int
    var anchor: Int?
    /// Element offset of each load.
    var offsets: [Int: IntExpr] = [:]
    /// Element offset of the store.
    var storeOffset: IntExpr
    var ranges: SymbolRanges
    /// Axis variables that the value of each node depends on.
    private(set) var dependences: [Set<Symbol>] = []
    /// The node whose value a data-dependent index names.
    private var dynamicValues: [Symbol: Int] = [:]

    /// Prepares a group whose operands and result lie in these places; `order` is the memory order of the result's axes.
    init(_ group: FusedGroup, operands: [MemoryPlace], result: MemoryPlace, order: [Int], ranges: SymbolRanges) {
        axes = order.map { group.axes[$0] }
        body = group.body
        root = group.root
        anchor = group.anchor
        self.ranges = ranges
        storeOffset = result.offset(of: group.axes.map { IntExpr($0.symbol) })
        for axis in group.axes { self.ranges.setExtent(axis.symbol, axis.extent) }
        splitAxes()
        for node in body.nodes.indices {
            switch body.nodes[node] {
            case .load(let operand, let index, _):
                offsets[node] = operands[operand].offset(of: index)
            case .reduce(_, let reduced, _, _), .argreduce(_, _, let reduced, _):
                for axis in reduced { self.ranges.setExtent(axis.symbol, axis.extent) }
            case .dynamic(let symbol, _, let limit, true, _): self.ranges.setExtent(symbol, limit)
            default: break
            }
        }
        simplifyOffsets()
        dropUnitAxes()
        mergeAxes()
        analyse()
    }

    // MARK: Splitting

    /// Splits axes that a reshape divides: `k` read as `k // 32` and `k % 32` becomes two axes, in which all is affine.
    private mutating func splitAxes() {
        var next = (1 << 24)
        var pending = axes + reducedAxes
        while let axis = pending.popLast() {
            guard let extent = axis.extent.constant, let factor = divisor(of: axis.symbol, extent) else { continue }
            let outer = LoopAxis(.axis(next), IntExpr(extent / factor)),
                inner = LoopAxis(.axis(next + 1), IntExpr(factor))
            next += 2
            replace(axis, by: [outer, inner], IntExpr(outer.symbol) * IntExpr(factor) + IntExpr(inner.symbol))
            pending += [outer, inner]
        }
    }

    private var reducedAxes: [LoopAxis] {
        body.nodes.flatMap { node -> [LoopAxis] in
            switch node {
            case .reduce(_, let axes, _, _), .argreduce(_, _, let axes, _): return axes
            default: return []
            }
        }
    }

    /// A constant by which some index divides the variable, and which divides its extent.
    private func divisor(of symbol: Symbol, _ extent: Int) -> Int? {
        for node in body.nodes.indices {
            for expression in body.expressions(of: node)
            where expression.contains(symbol) && expression.coefficients(of: symbol) == nil {
                var program = ExprProgram()
                _ = program.append(expression)
                for entry in 0..<program.count {
                    let operation = ExprProgram.Op(rawValue: program.operations[entry])
                    guard operation == .floorDivide || operation == .modulo else { continue }
                    let right = Int(program.right[entry])
                    let factor = Int(program.constants[right])
                    if program.operations[right] == ExprProgram.Op.constant.rawValue, factor > 1, factor < extent,
                        extent % factor == 0
                    {
                        return factor
                    }
                }
            }
        }
        return nil
    }

    private mutating func replace(_ axis: LoopAxis, by parts: [LoopAxis], _ value: IntExpr) {
        for part in parts { ranges.setExtent(part.symbol, part.extent) }
        let ranges = ranges
        let rewrite: (IntExpr) -> IntExpr = { expression in
            guard expression.contains(axis.symbol) else { return expression }
            return expression.substituting { $0 == axis.symbol ? value : nil }.simplified(ranges)
        }
        let split: ([LoopAxis]) -> [LoopAxis] = { $0.flatMap { $0 == axis ? parts : [$0] } }
        let (newBody, positions) = body.rewritten(expression: rewrite, axes: split)
        body = newBody
        root = positions[root]
        anchor = anchor.map { positions[$0] }
        axes = split(axes)
        storeOffset = rewrite(storeOffset)
    }

    private mutating func simplifyOffsets() {
        for (node, offset) in offsets { offsets[node] = offset.simplified(ranges) }
        storeOffset = storeOffset.simplified(ranges)
    }

    /// Expressions other than load offsets: merging must not touch their variables.
    private var otherExpressions: [IntExpr] {
        body.nodes.indices.flatMap { node -> [IntExpr] in
            if case .load = body.nodes[node] { return [] }
            return body.expressions(of: node)
        }
    }

    private mutating func substitute(_ symbol: Symbol, _ replacement: IntExpr) {
        let map: (Symbol) -> IntExpr? = { $0 == symbol ? replacement : nil }
        for (node, offset) in offsets where offset.contains(symbol) { offsets[node] = offset.substituting(map) }
        storeOffset = storeOffset.substituting(map)
    }

    private mutating func dropUnitAxes() {
        let fixed = otherExpressions
        axes.removeAll { axis in
            guard axis.extent.constant == 1, !fixed.contains(where: { $0.contains(axis.symbol) }) else { return false }
            return true
        }
        let kept = Set(axes.map(\.symbol))
        for symbol in Set(offsets.values.flatMap(\.symbols) + storeOffset.symbols).sorted()
        where symbol.isAxis && !kept.contains(symbol) && isUnit(symbol) {
            substitute(symbol, 0)
        }
    }

    private func isUnit(_ symbol: Symbol) -> Bool {
        let bounds = ranges[symbol]
        return bounds.lower == 0 && bounds.upper == 0
    }

    /// Merges neighbouring axes that every offset walks as one.
    private mutating func mergeAxes() {
        var position = axes.count - 2
        while position >= 0 {
            if canMerge(position) { merge(position) }
            position -= 1
        }
    }

    private func canMerge(_ position: Int) -> Bool {
        let (outer, inner) = (axes[position], axes[position + 1])
        if otherExpressions.contains(where: { $0.contains(outer.symbol) || $0.contains(inner.symbol) }) { return false }
        return (Array(offsets.values) + [storeOffset]).allSatisfy { offset in
            guard let first = offset.coefficients(of: outer.symbol), let second = offset.coefficients(of: inner.symbol)
            else { return false }
            return first.linear == second.linear * inner.extent
        }
    }

    private mutating func merge(_ position: Int) {
        let (outer, inner) = (axes[position], axes[position + 1])
        substitute(outer.symbol, 0)
        let merged = LoopAxis(inner.symbol, (outer.extent * inner.extent).simplified(ranges))
        axes[position] = merged
        axes.remove(at: position + 1)
        ranges.setExtent(merged.symbol, merged.extent)
    }

    // MARK: Dependences

    private mutating func analyse() {
        for case .dynamic(let symbol, let value, _, _, _) in body.nodes { dynamicValues[symbol] = value }
        dependences = []
        for node in body.nodes.indices { dependences.append(dependence(of: node)) }
    }

    private func dependence(of node: Int) -> Set<Symbol> {
        var found: Set<Symbol> = []
        let expressions = offsets[node].map { [$0] } ?? body.expressions(of: node)
        for symbol in expressions.flatMap(\.symbols) where symbol.isAxis {
            found.insert(symbol)
            if let value = dynamicValues[symbol] { found.formUnion(dependences[value]) }
        }
        for operand in body.operands(of: node) { found.formUnion(dependences[operand]) }
        switch body.nodes[node] {
        case .dynamic(let symbol, _, _, _, _): found.remove(symbol)
        case .reduce(_, let axes, _, _), .argreduce(_, _, let axes, _): found.subtract(axes.map(\.symbol))
        default: break
        }
        return found
    }

    /// The node that computes the same under another loop variable; nil where the body has none.
    func twin(of node: Int, replacing symbol: Symbol, by other: Symbol) -> Int? {
        var copies: [Int: Int] = [:]
        return copy(node, symbol, other, &copies)
    }

    /// Finds the copy of a node with `symbol` replaced; nil as soon as no equal node exists.
    private func copy(_ node: Int, _ symbol: Symbol, _ other: Symbol, _ copies: inout [Int: Int]) -> Int? {
        if !dependences[node].contains(symbol) { return node }
        if let known = copies[node] { return known }
        let map: (Symbol) -> IntExpr? = { $0 == symbol ? IntExpr(other) : nil }
        let wanted: ScalarNode
        switch body.nodes[node] {
        case .load(let operand, let index, let type):
            wanted = .load(operand: operand, index: index.map { $0.substituting(map) }, type: type)
        case .index(let expression): wanted = .index(expression.substituting(map))
        case .apply(let function, let operands, let type):
            let inner = operands.compactMap { copy($0, symbol, other, &copies) }
            guard inner.count == operands.count else { return nil }
            wanted = .apply(function, inner, type: type)
        default: return nil
        }
        guard let found = body.find(wanted) else { return nil }
        copies[node] = found
        return found
    }
}
