import MartletCore
import MartletEngine
import MartletIR

/// Extents of a loop's states that change from turn to turn.
///
/// Such an extent has a symbol in the body, set at the start of each turn; a symbol for what the state's memory has
/// room for, set before the loop and at the end of each turn, before the next state is copied there; and the symbol
/// behind the loop. An integer in memory carries the value from one to the other.
struct LoopExtents {
    private let lowering: GraphLowering
    private let node: NodeID
    private let region: LoopRegion
    private let extents: [Extent]
    private var graph: Graph { lowering.graph }
    private var body: Graph { region.body }
    private var origins: [String] { graph.origins(of: node) }

    private struct Extent {
        let state: Int
        let axis: Int
        let inside: Symbol
        let room: Symbol
        let outside: Symbol
        let memory: StoredValue.Memory
    }

    init(_ lowering: GraphLowering, _ node: NodeID, _ region: LoopRegion) {
        self.lowering = lowering
        self.node = node
        self.region = region
        let (graph, assembler) = (lowering.graph, lowering.assembler)
        let sizes = graph.operation(of: node).definedSymbols
        var extents: [Extent] = []
        for (state, result) in graph.results(of: node).prefix(region.stateCount).enumerated() {
            let inner = region.body.type(of: region.body.inputs[1 + state].value).shape
            for (axis, (inside, outside)) in zip(inner, graph.type(of: result).shape).enumerated() {
                guard let outside = sizes.first(where: { IntExpr($0) == outside }), IntExpr(outside) != region.turns,
                    let inside = inside.symbols.first(where: { IntExpr($0) == inside })
                else { continue }
                let buffer = assembler.addBuffer("extent", bytes: 8, step: assembler.stepCount)
                extents.append(
                    Extent(
                        state: state, axis: axis, inside: inside,
                        room: assembler.addSize("room for \(graph.symbols.name(of: outside))"), outside: outside,
                        memory: .buffer(buffer)))
            }
        }
        self.extents = extents
    }

    /// The symbols behind the loop.
    var symbols: [Symbol] { extents.map(\.outside) }

    /// The bytes of a state's memory; nil if its extents stay as they are.
    func room(for state: Int) -> IntExpr? {
        let own = extents.filter { $0.state == state }
        guard !own.isEmpty else { return nil }
        let type = graph.type(of: graph.results(of: node)[state])
        return GraphLowering.byteCount(type).substituting { symbol in
            own.first { $0.outside == symbol }.map { IntExpr($0.room) }
        }
    }

    // MARK: Steps

    /// Stores the extents of the initial states, so that there is memory for them.
    func stepsBefore() throws -> [Engine.Step] {
        let first = region.hasCondition ? 1 : 0
        let operands = Array(graph.operands(of: node).dropFirst(first))
        return try store { graph.type(of: operands[$0.state]).shape[$0.axis] } + bind(\.room)
    }

    /// Gives the body's symbols their values.
    func stepsAtStart() throws -> [Engine.Step] { try bind(\.inside) }

    /// Stores the extents that the next turn starts with, and makes room for them.
    func stepsAtEnd() throws -> [Engine.Step] {
        let first = region.hasCondition ? 1 : 0
        return try store { body.type(of: body.outputs[first + $0.state].value).shape[$0.axis] } + bind(\.room)
    }

    /// Gives the symbols behind the loop their values.
    func stepsBehind() throws -> [Engine.Step] { try bind(\.outside) }

    private func store(_ size: (Extent) -> IntExpr) throws -> [Engine.Step] {
        try extents.flatMap { try lowering.sizeSteps(size($0), in: $0.memory, origins: origins) }
    }

    private func bind(_ symbol: KeyPath<Extent, Symbol>) throws -> [Engine.Step] {
        try extents.map { try lowering.bindStep($0[keyPath: symbol], to: $0.memory, origins: origins) }
    }
}
