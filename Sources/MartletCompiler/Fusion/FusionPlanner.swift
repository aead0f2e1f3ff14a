import MartletCore
import MartletIR

/// Decides which values are stored and which are computed where they are read.
///
/// Nodes are visited from the outputs to the inputs. When a node's turn comes, every place that reads it is known: which
/// group reads it, at which index, and on which side of the group's anchor. A value is computed in place where that costs
/// no more than storing it; everything else roots a group of its own. The reason of each refusal is kept.
struct FusionPlanner {
    /// A place in a group that reads a value.
    private struct Site: Hashable {
        var group: ValueID
        var index: [IntExpr]
        /// Variables of reductions around the place.
        var reduced: [LoopAxis]
        var underAnchor: Bool
        var guarded: Bool
        var factor = FactorPlace.loaded
    }

    /// What may stand at a place among the factors of a contraction.
    private enum FactorPlace {
        /// Loads and views of them.
        case loaded
        /// Also a narrow value that is computed: each element once, for all columns of the result.
        case narrow
        /// Any part of such a value.
        case computed
    }

    /// What is known of a group while it grows.
    private struct Growing {
        var axes: [LoopAxis]
        var hasAnchor = false
        var hasReduction = false
    }

    private let graph: Graph
    private let forms: [NodeID: LoopForm]
    private let allowsFusion: (ValueID) -> Bool
    private var sites: [ValueID: Set<Site>] = [:]
    private var groups: [ValueID: Growing] = [:]
    private var freshAxis = 1 << 20
    /// Narrow values that are not to be computed among the factors of a contraction.
    private let loaded: Set<ValueID>
    /// Narrow values that are, by group.
    private var computedFactors: [ValueID: Set<ValueID>] = [:]
    /// Values that must be stored, with the reason.
    private var pinned: [ValueID: String] = [:]

    /// Values that are stored: those that root a group, and concatenations.
    private(set) var stored: Set<ValueID> = []
    /// Stored values whose parts are computed into their places.
    private(set) var concatenations: [ValueID: Concatenation] = [:]
    /// Why values were not fused into their readers.
    private(set) var reasons: [(value: ValueID, reason: String)] = []

    /// Outputs that are states with more behind them.
    private let appended: Set<ValueID>

    /// Plans the graph whose loop nests have these forms.
    private init(
        _ graph: Graph, forms: [NodeID: LoopForm], appended: Set<ValueID>, loaded: Set<ValueID>,
        allowsFusion: @escaping (ValueID) -> Bool
    ) {
        self.graph = graph
        self.forms = forms
        self.appended = appended
        self.loaded = loaded
        self.allowsFusion = allowsFusion
        for node in graph.nodeIDs where forms[node] == nil {
            for operand in graph.operands(of: node) { pinned[operand] = "read by a step that is no loop nest" }
        }
        for output in graph.outputs { pinned[output.value] = "an output" }
        for index in (0..<graph.nodes.count).reversed() { visit(NodeID(index)) }
    }

    /// Plans the graph whose loop nests have these forms, and writes out the groups. `allowsFusion` is asked once a value,
    /// for bisection, before it is computed where it is read.
    ///
    /// A plan by whose indices a contraction cannot compute a factor after all is made anew without that factor.
    static func groups(
        of graph: Graph, forms: [NodeID: LoopForm], appended: Set<ValueID> = [],
        allowsFusion: @escaping (ValueID) -> Bool = { _ in true }
    ) -> (plan: FusionPlanner, groups: [ValueID: FusedGroup]) {
        var loaded: Set<ValueID> = []
        var allowed: [ValueID: Bool] = [:]
        let allows = { (value: ValueID) -> Bool in
            if let known = allowed[value] { return known }
            let answer = allowsFusion(value)
            allowed[value] = answer
            return answer
        }
        while true {
            let plan = FusionPlanner(graph, forms: forms, appended: appended, loaded: loaded, allowsFusion: allows)
            var groups: [ValueID: FusedGroup] = [:]
            var refused: Set<ValueID> = []
            for value in plan.stored where plan.concatenations[value] == nil {
                let group = GroupBuilder.group(of: value, in: graph, forms: forms, stored: plan.stored)
                groups[value] = group
                guard let factors = plan.computedFactors[value] else { continue }
                if !ContractionTemplate.accepts(group, in: graph) { refused.formUnion(factors) }
            }
            if refused.isSubset(of: loaded) { return (plan, groups) }
            loaded.formUnion(refused)
        }
    }

    private mutating func visit(_ node: NodeID) {
        guard let form = forms[node] else { return }
        let value = graph.results(of: node)[0]
        let readers = sites[value] ?? []
        if readers.isEmpty && pinned[value] == nil { return }
        if let reason = refusal(value, form, readers) ?? limit(value) {
            store(value, form)
            if !readers.isEmpty { reasons.append((value, reason)) }
        } else {
            for site in readers { inline(value, form, at: site) }
        }
    }

    // MARK: Deciding

    private func limit(_ value: ValueID) -> String? {
        allowsFusion(value) ? nil : "the limit of fusions is reached"
    }

    private func refusal(_ value: ValueID, _ form: LoopForm, _ readers: Set<Site>) -> String? {
        if let reason = pinned[value] { return reason }
        switch FormCost(form) {
        case .view: return viewRefusal(form, readers)
        case .cheap, .expensive: return mapRefusal(value, form, readers)
        case .reduction: return reductionRefusal(form, readers)
        case .contraction: return anchorRefusal(form, readers)
        }
    }

    private func viewRefusal(_ form: LoopForm, _ readers: Set<Site>) -> String? {
        let guards = form.body.nodes.contains { if case .guarded = $0 { return true } else { return false } }
        let dynamic = form.body.nodes.contains { if case .dynamic = $0 { return true } else { return false } }
        if dynamic && readers.contains(where: \.underAnchor) { return "a gather among the operands of a contraction" }
        if dynamic && readers.contains(where: { !$0.reduced.isEmpty }) && readers.count > 2 {
            return "a gather that would be repeated"
        }
        if guards {
            // Vectors inside a border are whole; beside the other operand of a concatenation none is.
            for site in readers
            where site.factor == .computed || (site.underAnchor || !isBorder(form)) && guardsInnerAxis(form, site) {
                return "its border would split vectors"
            }
        }
        return nil
    }

    /// Whether what lies outside of the guards is one value.
    private func isBorder(_ form: LoopForm) -> Bool {
        form.body.nodes.allSatisfy { node in
            guard case .guarded(_, _, let otherwise) = node else { return true }
            switch form.body.nodes[otherwise] {
            case .constant: return true
            case .load(_, let index, _): return index.isEmpty
            default: return false
            }
        }
    }

    /// Whether a guard would depend on the axis that vectors lie along.
    private func guardsInnerAxis(_ form: LoopForm, _ site: Site) -> Bool {
        guard let group = groups[site.group] else { return true }
        let inner = Set([group.axes.last?.symbol, site.reduced.last?.symbol].compactMap { $0 })
        for case .guarded(let guards, _, _) in form.body.nodes {
            for condition in guards {
                let placed = Renaming(form.axes, at: site.index)(condition.expression)
                if site.underAnchor
                    ? placed.symbols.contains(where: { $0 == group.axes.last?.symbol })
                    : placed.symbols.contains(where: inner.contains)
                {
                    return true
                }
            }
        }
        return false
    }

    private func mapRefusal(_ value: ValueID, _ form: LoopForm, _ readers: Set<Site>) -> String? {
        if Set(readers.map(\.group)).count > 1 { return "read by several kernels" }
        if readers.contains(where: { $0.underAnchor && !canCompute(value, at: $0) }) {
            return "an operand of a contraction"
        }
        if readers.contains(where: \.guarded), FormCost(form) == .expensive { return "costly and under a border" }
        for site in readers where repeats(form, site) { return "it would be computed repeatedly" }
        return nil
    }

    private func canCompute(_ value: ValueID, at site: Site) -> Bool {
        if site.guarded || loaded.contains(value) { return false }
        switch site.factor {
        case .loaded: return false
        case .narrow: return graph.type(of: value).element.isNarrowFactor
        case .computed: return true
        }
    }

    /// What may stand where a contraction reads its first factor: rows, which no column of the result depends on, of a
    /// plain product with a constant.
    private func factorPlace(_ operands: [ValueID], _ site: Site) -> FactorPlace {
        guard let group = groups[site.group], operands.count == 2, graph.constant(operands[1]) != nil,
            site.reduced.count == 1, site.reduced[0].extent.constant ?? 0 > 1, !site.guarded,
            let column = group.axes.last(where: { $0.extent.constant != 1 }),
            !site.index.contains(where: { $0.contains(column.symbol) })
        else { return .loaded }
        return .narrow
    }

    /// Whether the value would be computed more often at the site than it has elements (the innermost loop aside, out of
    /// which the compiler hoists).
    private func repeats(_ form: LoopForm, _ site: Site) -> Bool {
        guard let group = groups[site.group] else { return true }
        let mentioned = Set(site.index.flatMap(\.symbols))
        let around = group.axes + site.reduced
        let inner = (site.reduced.last ?? group.axes.last)?.symbol
        for axis in around where axis.extent.constant != 1 && axis.symbol != inner {
            // A reduction's own row loop stands in for the group's innermost axis.
            if !site.reduced.isEmpty && axis.symbol == group.axes.last?.symbol { continue }
            if !mentioned.contains(axis.symbol) { return FormCost(form) == .expensive || !isSmall(form) }
        }
        return false
    }

    private func isSmall(_ form: LoopForm) -> Bool { form.body.nodes.count <= 4 }

    private func reductionRefusal(_ form: LoopForm, _ readers: Set<Site>) -> String? {
        guard Set(readers.map(\.group)).count == 1, let site = readers.first, let group = groups[site.group] else {
            return "read by several kernels"
        }
        if group.hasAnchor || readers.contains(where: \.underAnchor) {
            return "a contraction's kernel holds no other reduction"
        }
        if readers.contains(where: \.guarded) { return "a reduction under a border" }
        for site in readers where !isHoistable(site, group) && !isWhole(site, group) {
            return "its rows are not the reader's rows"
        }
        return nil
    }

    /// The index covers all outer axes and leaves the innermost loop alone, so that it is computed once a row.
    private func isHoistable(_ site: Site, _ group: Growing) -> Bool {
        let mentioned = Set(site.index.flatMap(\.symbols))
        guard let inner = group.axes.last?.symbol, !mentioned.contains(inner) else { return false }
        if site.reduced.contains(where: { mentioned.contains($0.symbol) }) { return false }
        return group.axes.dropLast().allSatisfy { $0.extent.constant == 1 || mentioned.contains($0.symbol) }
    }

    private func isWhole(_ site: Site, _ group: Growing) -> Bool {
        site.reduced.isEmpty && site.index == group.axes.map { IntExpr($0.symbol) }
    }

    private func anchorRefusal(_ form: LoopForm, _ readers: Set<Site>) -> String? {
        guard readers.count == 1, let site = readers.first, let group = groups[site.group] else {
            return "read at several places"
        }
        if group.hasAnchor || group.hasReduction { return "its reader has a reduction of its own" }
        if site.underAnchor || site.guarded || !isWhole(site, group) { return "its reader's points are not its own" }
        return nil
    }

    // MARK: Growing

    /// Concatenations with fewer elements are one small kernel.
    private static let leastConcatenation = 256

    private mutating func store(_ value: ValueID, _ form: LoopForm) {
        stored.insert(value)
        if let concatenation = concatenation(value, form) { return place(value, concatenation) }
        groups[value] = Growing(axes: form.axes)
        let root = Site(
            group: value, index: form.axes.map { IntExpr($0.symbol) }, reduced: [], underAnchor: false, guarded: false)
        inline(value, form, at: root)
    }

    private func concatenation(_ value: ValueID, _ form: LoopForm) -> Concatenation? {
        guard case .node(let node, _) = graph.producer(of: value),
            appended.contains(value) || graph.type(of: value).count.constant ?? Int.max >= Self.leastConcatenation
        else { return nil }
        return Concatenation(form, operands: graph.operands(of: node).map(graph.type(of:)))
    }

    private mutating func place(_ value: ValueID, _ concatenation: Concatenation) {
        concatenations[value] = concatenation
        guard case .node(let node, _) = graph.producer(of: value) else { return }
        for operand in graph.operands(of: node) where pinned[operand] == nil {
            pinned[operand] = "stored in its place of a concatenation"
        }
    }

    private mutating func inline(_ value: ValueID, _ form: LoopForm, at site: Site) {
        let cost = FormCost(form)
        if cost == .contraction { groups[site.group]?.hasAnchor = true }
        if cost == .reduction { groups[site.group]?.hasReduction = true }
        guard case .node(let node, _) = graph.producer(of: value) else { return }
        var site = site
        if site.factor == .narrow, cost > .view {
            site.factor = .computed
            computedFactors[site.group, default: []].insert(value)
        }
        let operands = Array(graph.operands(of: node))
        var renaming = Renaming(form.axes, at: site.index)
        walk(form.body, form.root, &renaming, site, operands, inAnchor: cost == .contraction)
    }

    private mutating func walk(
        _ body: ScalarBody, _ node: Int, _ renaming: inout Renaming, _ site: Site, _ operands: [ValueID],
        inAnchor: Bool
    ) {
        var site = site
        switch body.nodes[node] {
        case .load(let operand, let index, _):
            // What no node makes is loaded wherever it is read.
            guard case .node = graph.producer(of: operands[operand]) else { return }
            site.index = index.map { renaming($0) }
            site.underAnchor = site.underAnchor || inAnchor
            if inAnchor { site.factor = operand == 0 ? factorPlace(operands, site) : .loaded }
            sites[operands[operand], default: []].insert(site)
        case .guarded(_, let value, let otherwise):
            walk(body, otherwise, &renaming, site, operands, inAnchor: inAnchor)
            site.guarded = true
            walk(body, value, &renaming, site, operands, inAnchor: inAnchor)
        case .reduce(_, let axes, let value, _), .argreduce(_, _, let axes, let value):
            for axis in axes { site.reduced.append(fresh(axis, &renaming)) }
            walk(body, value, &renaming, site, operands, inAnchor: inAnchor)
        case .dynamic(let symbol, let value, _, _, let inner):
            walk(body, value, &renaming, site, operands, inAnchor: inAnchor)
            renaming[symbol] = IntExpr(.axis(nextAxis()))
            walk(body, inner, &renaming, site, operands, inAnchor: inAnchor)
        default:
            for operand in body.operands(of: node) {
                walk(body, operand, &renaming, site, operands, inAnchor: inAnchor)
            }
        }
    }

    private mutating func nextAxis() -> Int {
        freshAxis += 1
        return freshAxis
    }

    private mutating func fresh(_ axis: LoopAxis, _ renaming: inout Renaming) -> LoopAxis {
        let extent = renaming(axis.extent)
        let renamed = LoopAxis(.axis(nextAxis()), extent)
        renaming[axis.symbol] = IntExpr(renamed.symbol)
        return renamed
    }
}
