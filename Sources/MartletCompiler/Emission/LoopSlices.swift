import MartletCore
import MartletEngine
import MartletIR

/// Stacked results of a loop of which an extent is known only in its turns.
///
/// The first turn decides the extent, and each turn must give the same; without turns it is 0. A turn keeps its slice
/// in memory of its own until the extent is known, then copies it to its place.
struct LoopSlices {
    private let lowering: GraphLowering
    private let node: NodeID
    private let region: LoopRegion
    private var extents: [Extent] = []
    private var results: [Result] = []
    private var assembler: EngineAssembler { lowering.assembler }
    private var origins: [String] { lowering.graph.origins(of: node) }

    private struct Extent {
        /// Number of the stacked result.
        let number: Int
        /// The extent in the body.
        let inside: IntExpr
        let outside: Symbol
        /// Symbols for the extent in this turn and in the first one, and the integer that they are read from.
        let now: Symbol, first: Symbol
        let memory: StoredValue.Memory
    }

    private struct Result {
        let number: Int
        /// What a turn writes, and what all of them make.
        let slice: StoredValue.Memory, stack: StoredValue.Memory
        let bytes: IntExpr
    }

    init(_ lowering: GraphLowering, _ node: NodeID, _ region: LoopRegion) {
        self.lowering = lowering
        self.node = node
        self.region = region
        let (graph, body) = (lowering.graph, region.body)
        let sizes = graph.operation(of: node).definedSymbols.filter { IntExpr($0) != region.turns }
        let outputs = body.outputs.suffix(region.stackedCount).map { body.type(of: $0.value) }
        for (number, (value, slice)) in zip(graph.results(of: node).suffix(region.stackedCount), outputs).enumerated() {
            let type = graph.type(of: value)
            for (inside, outside) in zip(slice.shape, type.shape.dropFirst()) {
                guard let symbol = sizes.first(where: { IntExpr($0) == outside }) else { continue }
                addExtent(number, inside, symbol)
            }
            if extents.contains(where: { $0.number == number }) { addResult(number, value, slice) }
        }
    }

    private mutating func addExtent(_ number: Int, _ inside: IntExpr, _ outside: Symbol) {
        let name = lowering.graph.symbols.name(of: outside)
        let buffer = assembler.addBuffer("extent", bytes: 8, step: assembler.stepCount)
        let extent = Extent(
            number: number, inside: inside, outside: outside, now: assembler.addSize("\(name) of a turn"),
            first: assembler.addSize("\(name) of the first turn"), memory: .buffer(buffer))
        extents.append(extent)
        assembler.requirements.append(
            Engine.Requirement(
                left: assembler.expression(IntExpr(extent.now)), right: assembler.expression(IntExpr(extent.first)),
                what: "slices that '\(origins.last ?? "loop")' stacks"))
    }

    private mutating func addResult(_ number: Int, _ value: ValueID, _ slice: TensorType) {
        let type = lowering.graph.type(of: value)
        let bytes = GraphLowering.byteCount(TensorType(type.element, Array(type.shape.dropFirst())))
            .substituting { symbol in extents.first { $0.outside == symbol }.map { IntExpr($0.first) } }
        let buffer = assembler.addBuffer(
            "\(origins.last ?? "loop") slice", bytes: GraphLowering.byteCount(slice), step: assembler.stepCount)
        let stack = lowering.allocate(value, bytes: region.reachedTurns * bytes)
        results.append(Result(number: number, slice: .buffer(buffer), stack: stack.memory, bytes: bytes))
    }

    /// The symbols behind the loop.
    var symbols: [Symbol] { extents.map(\.outside) }

    /// Where the body leaves the slice of a stacked result; nil if its extents are known before.
    func memory(of number: Int) -> StoredValue.Memory? { results.first { $0.number == number }?.slice }

    // MARK: Steps

    func stepsBefore() throws -> [Engine.Step] { try store { _ in 0 } + bind(\.now) + bind(\.first) }

    /// Finds the extents of this turn, and copies its slices.
    func stepsAtEnd() throws -> [Engine.Step] {
        let isLater = IntExpr.min(IntExpr(region.counter), 1)
        var steps = try store(\.inside) + bind(\.now)
        steps += try store { IntExpr($0.first) * isLater + $0.inside * (1 - isLater) } + bind(\.first)
        for result in results {
            let step = assembler.nextStep()
            let place = StoredValue.Memory.part(result.stack, offset: IntExpr(region.counter) * result.bytes)
            let copy = Engine.Copy(
                from: try assembler.location(of: result.slice, step: step),
                to: try assembler.location(of: place, step: step), bytes: assembler.expression(result.bytes))
            steps.append(Engine.Step(.copy(copy), origins: origins))
        }
        return steps
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
