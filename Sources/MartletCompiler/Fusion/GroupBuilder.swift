import MartletCore
import MartletIR

/// Writes out the body of a group: the root's form with the forms of all values computed in place substituted.
struct GroupBuilder {
    private let graph: Graph
    private let forms: [NodeID: LoopForm]
    private let stored: Set<ValueID>

    private var body = ScalarBody()
    private var ranges: SymbolRanges
    /// Names of data-dependent indices that may lie outside of their axes; what uses them stands under a guard.
    private var unchecked: Set<Symbol> = []
    private var operands: [ValueID] = []
    private var operandNumbers: [ValueID: Int] = [:]
    private var expanded: [Key: Int] = [:]
    private var origins: [String] = []
    private var nextAxis: Int
    private var anchor: Int?

    private struct Key: Hashable {
        let value: ValueID
        let index: [IntExpr]
    }

    /// Builds the group that `value` roots.
    static func group(
        of value: ValueID, in graph: Graph, forms: [NodeID: LoopForm], stored: Set<ValueID>
    ) -> FusedGroup {
        var builder = GroupBuilder(graph, forms, stored, rank: graph.type(of: value).rank)
        return builder.build(value)
    }

    private init(_ graph: Graph, _ forms: [NodeID: LoopForm], _ stored: Set<ValueID>, rank: Int) {
        self.graph = graph
        self.forms = forms
        self.stored = stored
        ranges = graph.symbols.ranges
        nextAxis = rank
    }

    private mutating func build(_ value: ValueID) -> FusedGroup {
        let type = graph.type(of: value)
        let axes = LoopForm.axes(of: type.shape)
        for axis in axes { ranges.setExtent(axis.symbol, axis.extent) }
        let root = expand(value, axes.map { IntExpr($0.symbol) }, isRoot: true)
        return FusedGroup(
            result: value, type: type, axes: axes, body: body, root: root, operands: operands, anchor: anchor,
            origins: origins)
    }

    private mutating func expand(_ value: ValueID, _ index: [IntExpr], isRoot: Bool = false) -> Int {
        let key = Key(value: value, index: index)
        if let known = expanded[key] { return known }
        let node: Int
        if case .node(let producer, _) = graph.producer(of: value), isRoot || !stored.contains(value),
            let form = forms[producer]
        {
            note(graph.origins(of: producer))
            node = copy(form, index, Array(graph.operands(of: producer)))
        } else {
            node = load(value, index)
        }
        expanded[key] = node
        return node
    }

    private mutating func note(_ names: [String]) {
        for name in names where !origins.contains(name) { origins.append(name) }
    }

    private mutating func load(_ value: ValueID, _ index: [IntExpr]) -> Int {
        let type = graph.type(of: value).element
        if let tensor = graph.constant(value), tensor.count == 1, let bits = tensor.scalarBits {
            return body.add(.constant(bits: bits, type: type))
        }
        let number = operandNumbers[value] ?? operands.count
        if number == operands.count {
            operands.append(value)
            operandNumbers[value] = number
        }
        return body.add(.load(operand: number, index: index, type: type))
    }

    private mutating func copy(_ form: LoopForm, _ index: [IntExpr], _ operands: [ValueID]) -> Int {
        var renaming = Renaming(form.axes, at: index)
        var done = [Int?](repeating: nil, count: form.body.nodes.count)
        return copy(form.body, form.root, &renaming, &done, operands)
    }

    private func renamed(_ expression: IntExpr, _ renaming: Renaming) -> IntExpr {
        expression.constant != nil ? expression : renaming(expression).simplified(ranges)
    }

    private mutating func copy(
        _ source: ScalarBody, _ node: Int, _ renaming: inout Renaming, _ done: inout [Int?],
        _ operands: [ValueID]
    ) -> Int {
        if let known = done[node] { return known }
        let result: Int
        switch source.nodes[node] {
        case .load(let operand, let index, _):
            result = expand(operands[operand], index.map { renamed($0, renaming) })
        case .index(let expression): result = body.add(.index(renamed(expression, renaming)))
        case .constant: result = body.add(source.nodes[node])
        case .apply(let function, let inputs, let type):
            let copies = inputs.map { copy(source, $0, &renaming, &done, operands) }
            result = body.add(.apply(function, copies, type: type))
        case .guarded(let guards, let value, let otherwise):
            result = copyGuarded(source, guards, value, otherwise, &renaming, &done, operands)
        case .reduce(let combiner, let axes, let value, let type):
            let renamedAxes = axes.map { fresh($0, &renaming) }
            let inner = copy(source, value, &renaming, &done, operands)
            result = body.add(.reduce(combiner, axes: renamedAxes, value: inner, type: type))
            if !axes.isEmpty, combiner == .sum, body.isProduct(inner), source.isProduct(value) { anchor = result }
        case .argreduce(let maximum, let lastTie, let axes, let value):
            let renamedAxes = axes.map { fresh($0, &renaming) }
            let inner = copy(source, value, &renaming, &done, operands)
            result = body.add(.argreduce(maximum: maximum, lastTie: lastTie, axes: renamedAxes, value: inner))
        case .dynamic(let symbol, let value, let limit, let checked, let inner):
            let index = copy(source, value, &renaming, &done, operands)
            result = copyDynamic(
                source, symbol, index, renamed(limit, renaming), checked, inner, &renaming, &done, operands)
        }
        done[node] = result
        return result
    }

    private mutating func fresh(_ axis: LoopAxis, _ renaming: inout Renaming) -> LoopAxis {
        let symbol = Symbol.axis(nextAxis)
        nextAxis += 1
        let extent = renamed(axis.extent, renaming)
        ranges.setExtent(symbol, extent)
        renaming[axis.symbol] = IntExpr(symbol)
        return LoopAxis(symbol, extent)
    }

    /// Guards that always hold are dropped; one that never holds leaves the other side.
    private mutating func copyGuarded(
        _ source: ScalarBody, _ guards: [IndexGuard], _ value: Int, _ otherwise: Int,
        _ renaming: inout Renaming, _ done: inout [Int?], _ operands: [ValueID]
    ) -> Int {
        var kept: [IndexGuard] = []
        for condition in guards {
            let expression = renamed(condition.expression, renaming)
            let limit = renamed(condition.limit, renaming)
            if let name = expression.symbols.first, expression == IntExpr(name), unchecked.contains(name) {
                kept.append(IndexGuard(expression, below: limit))
                continue
            }
            let below = expression.isLess(than: limit, ranges)
            let above = expression.isAtLeast(0, ranges)
            if below == .no || above == .no { return copy(source, otherwise, &renaming, &done, operands) }
            if below != .yes || above != .yes { kept.append(IndexGuard(expression, below: limit)) }
        }
        let inner = copy(source, value, &renaming, &done, operands)
        if kept.isEmpty { return inner }
        let other = copy(source, otherwise, &renaming, &done, operands)
        return body.add(.guarded(kept, value: inner, otherwise: other))
    }

    /// An index that is itself index arithmetic needs no name at run time.
    private mutating func copyDynamic(
        _ source: ScalarBody, _ symbol: Symbol, _ index: Int, _ limit: IntExpr, _ checked: Bool, _ inner: Int,
        _ renaming: inout Renaming, _ done: inout [Int?], _ operands: [ValueID]
    ) -> Int {
        if case .index(let expression) = body.nodes[index], !checked || isInside(expression, limit) {
            renaming[symbol] = expression
            return copy(source, inner, &renaming, &done, operands)
        }
        if case .constant(let bits, _) = body.nodes[index] {
            let expression = IntExpr(Int(Int64(bitPattern: bits)))
            if !checked || isInside(expression, limit) {
                renaming[symbol] = expression
                return copy(source, inner, &renaming, &done, operands)
            }
        }
        let name = Symbol.axis(nextAxis)
        nextAxis += 1
        // Only a checked index is sure to lie inside; guards of others must stay.
        if checked { ranges.setExtent(name, limit) }
        if !checked { unchecked.insert(name) }
        renaming[symbol] = IntExpr(name)
        let nested = copy(source, inner, &renaming, &done, operands)
        return body.add(.dynamic(name, value: index, limit: limit, checked: checked, body: nested))
    }

    private func isInside(_ expression: IntExpr, _ limit: IntExpr) -> Bool {
        expression.isAtLeast(0, ranges) == .yes && expression.isLess(than: limit, ranges) == .yes
    }
}

extension HostTensor {
    /// The bits of a tensor of one element, sign-extended for signed integers; nil for strings and wide types.
    var scalarBits: UInt64? {
        guard count == 1, type != .string, type.bitWidth <= 64, !type.isComplex else { return nil }
        let bits = elementBits(at: 0)
        guard type.isInteger, type.isSigned, type.bitWidth < 64 else { return bits }
        let shift = 64 - type.bitWidth
        return UInt64(bitPattern: Int64(bitPattern: bits << UInt64(shift)) >> Int64(shift))
    }
}
