import MartletCore
import MartletEngine
import MartletIR

/// Which values are computed straight into their places of concatenations, and how those lie in memory.
struct PartPlan {
    /// A place in a larger value.
    struct Part {
        let whole: ValueID
        let axis: Int
        let start: IntExpr
    }

    /// Places of values, by value.
    private(set) var parts: [ValueID: Part] = [:]
    /// The memory order of each concatenation.
    private(set) var orders: [ValueID: [Int]] = [:]

    /// No concatenations.
    init() {}

    /// Plans the concatenations of a graph; `fixed` are values whose place is decided elsewhere: row-major, but for
    /// states that are `appended` to.
    init(
        _ graph: Graph, _ concatenations: [ValueID: Concatenation], _ groups: [ValueID: FusedGroup],
        fixed: Set<ValueID>, appended: [AppendedState]
    ) {
        for state in appended {
            parts[state.input] = Part(whole: state.output, axis: state.growth.axis, start: 0)
        }
        // From the outputs on, so that a whole is planned before what is part of it.
        for node in graph.nodeIDs.reversed() {
            let value = graph.results(of: node).first
            guard let value, let concatenation = concatenations[value] else { continue }
            let all = Array(graph.operands(of: node))
            let operands = concatenation.pieces.map { all[$0.operand] }
            let rowMajor = Array(0..<graph.type(of: value).rank)
            let wanted = parts[value].flatMap { orders[$0.whole] }
            let natural = operands.lazy.compactMap { groups[$0].flatMap(LayoutPlanner.anchorOrder) }.first
            let given = appended.first { $0.output == value }?.order ?? (fixed.contains(value) ? rowMajor : nil)
            let order = given ?? wanted ?? natural ?? rowMajor
            orders[value] = order
            for (operand, piece) in zip(operands, concatenation.pieces) {
                guard parts[operand] == nil, !fixed.contains(operand), operands.count(where: { $0 == operand }) == 1,
                    concatenations[operand] != nil || groups[operand].map({ Self.canWrite($0, order) }) ?? false
                else { continue }
                parts[operand] = Part(whole: value, axis: concatenation.axis, start: piece.start)
            }
        }
    }

    /// Tiles write one order only, other kernels any.
    private static func canWrite(_ group: FusedGroup, _ order: [Int]) -> Bool {
        group.anchor == nil || (LayoutPlanner.anchorOrder(group) ?? Array(0..<group.type.rank)) == order
    }

    /// The memory order that a value must have as part of another.
    func order(of value: ValueID) -> [Int]? { parts[value].flatMap { orders[$0.whole] } }
}
