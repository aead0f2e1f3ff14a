import MartletCore
import MartletEngine
import MartletIR

/// Lowers loops: states lie in buffers that outlive the turns; each turn writes the next states beside them, and copies
/// at its end carry these over. Slices of scanned tensors and of stacked results are read and written in place.
struct LoopLowering {
    private let lowering: GraphLowering
    private let node: NodeID
    private let region: LoopRegion
    private var graph: Graph { lowering.graph }
    private var body: Graph { region.body }
    private var assembler: EngineAssembler { lowering.assembler }
    private var origins: [String] { graph.origins(of: node) }

    /// A value that is carried from turn to turn: where it lies, and where a turn leaves the next one.
    private struct Carried {
        let type: TensorType
        let nextType: TensorType
        let current: StoredValue.Memory
        let next: StoredValue.Memory
    }

    /// What the body reads and writes.
    private struct Frame {
        var condition: Carried?
        var states: [Carried] = []
        var counter: StoredValue
        var inputs: [StoredValue] = []
        var stacked: [StoredValue.Memory] = []

        /// In the order of the body's outputs.
        var carried: [Carried] { (condition.map { [$0] } ?? []) + states }
    }

    init(_ lowering: GraphLowering, _ node: NodeID, _ region: LoopRegion) {
        self.lowering = lowering
        self.node = node
        self.region = region
    }

    func lower() throws {
        assembler.counters.insert(region.counter)
        let (extents, slices) = (LoopExtents(lowering, node, region), LoopSlices(lowering, node, region))
        try checkSizes(extents.symbols + slices.symbols)
        try (extents.stepsBefore() + slices.stepsBefore()).forEach(lowering.append)
        let frame = try makeFrame(extents, slices)
        let outerBuffers = assembler.buffers.count
        let number = assembler.nextStep()
        let steps =
            try extents.stepsAtStart() + counterSteps(frame) + bodySteps(frame)
            + slices.stepsAtEnd() + extents.stepsAtEnd()
        let last = assembler.stepCount - 1
        let condition = try frame.condition.map { try assembler.location(of: $0.current, step: number) }
        let copies = try frame.carried.map { try copy($0, step: last) }
        if !copies.isEmpty { assembler.note("not updated in place: states are copied at each turn", of: origins.last) }
        for memory in frame.stacked { if let buffer = memory.buffer { assembler.touch(buffer, step: last) } }
        assembler.extend(buffersBefore: outerBuffers, touchedSince: number, to: last)
        lowering.append(
            Engine.Step(
                .loop(
                    counter: region.counter.number, trip: region.trip.map(assembler.expression), condition: condition,
                    body: steps, carried: copies),
                origins: origins, note: "loop"))
        try bindTurns()
        try (extents.stepsBehind() + slices.stepsBehind()).forEach(lowering.append)
    }

    /// The loop decides the number of turns and these sizes; there should be no others.
    private func checkSizes(_ known: [Symbol]) throws {
        let sizes = graph.operation(of: node).definedSymbols
        guard let size = sizes.first(where: { IntExpr($0) != region.turns && !known.contains($0) }) else { return }
        throw Diagnostic(
            "compile.form", "the loop's size '\(graph.symbols.name(of: size))' is no extent of its results",
            at: .node(name: origins.last ?? "", operator: "", file: nil), help: "run the model with --engine reference")
    }

    // MARK: Memory

    private func buffer(_ name: String, _ type: TensorType) -> StoredValue {
        let number = assembler.addBuffer(
            "\(origins.last ?? "loop") \(name)", bytes: GraphLowering.byteCount(type), step: assembler.stepCount)
        return StoredValue(memory: .buffer(number), place: .rowMajor(type), order: Array(0..<type.rank))
    }

    /// Allocates everything that outlives a turn, and initialises it.
    private func makeFrame(_ extents: LoopExtents, _ open: LoopSlices) throws -> Frame {
        var operands = graph.operands(of: node)[...]
        let results = graph.results(of: node)
        var frame = Frame(counter: buffer("turn", TensorType(.int64, [])))
        if region.hasCondition, let initial = operands.popFirst() {
            let current = buffer("condition", TensorType(.bool, []))
            frame.condition = try carry(initial, as: TensorType(.bool, []), next: TensorType(.bool, []), in: current)
        }
        for (state, result) in results.prefix(region.stateCount).enumerated() {
            guard let initial = operands.popFirst() else { break }
            let room = extents.room(for: state)
            let current = room.map { lowering.allocate(result, bytes: $0) } ?? lowering.allocate(result)
            let inside = body.type(of: body.inputs[1 + state].value)
            let next = body.type(of: body.outputs[(region.hasCondition ? 1 : 0) + state].value)
            frame.states.append(try carry(initial, as: inside, next: next, in: current))
        }
        let states = frame.states.map {
            StoredValue(memory: $0.current, place: .rowMajor($0.type), order: Array(0..<$0.type.rank))
        }
        let slices = try operands.prefix(region.scannedCount).map { slice(of: try lowering.stored($0)) }
        let captures = try operands.dropFirst(region.scannedCount).map(lowering.stored)
        frame.inputs = [frame.counter] + states + slices + captures
        frame.stacked = results.dropFirst(region.stateCount).enumerated().map { number, result in
            open.memory(of: number) ?? slice(of: stack(result)).memory
        }
        return frame
    }

    /// Memory for a stacked result. Where a condition ends the loop, there is always room for one more turn.
    private func stack(_ result: ValueID) -> StoredValue {
        guard region.hasCondition else { return lowering.allocate(result) }
        let type = graph.type(of: result)
        let slice = GraphLowering.byteCount(TensorType(type.element, Array(type.shape.dropFirst())))
        return lowering.allocate(result, bytes: region.reachedTurns * slice)
    }

    /// Copies the initial value of a state of these types at the start and at the end of a turn.
    private func carry(
        _ initial: ValueID, as type: TensorType, next: TensorType, in current: StoredValue
    ) throws -> Carried {
        try lowering.emitCopy(
            from: try lowering.stored(initial), to: current.memory, graph.type(of: initial), origins: origins)
        return Carried(type: type, nextType: next, current: current.memory, next: buffer("next", next).memory)
    }

    /// What lies at the current turn's position of axis 0.
    private func slice(of value: StoredValue) -> StoredValue {
        let place = value.place
        let bytes = place.strides[0] * IntExpr(max(place.type.bitWidth / 8, 1))
        return StoredValue(
            memory: .part(value.memory, offset: IntExpr(region.counter) * bytes),
            place: MemoryPlace(
                type: place.type, extents: Array(place.extents.dropFirst()), strides: Array(place.strides.dropFirst())),
            order: value.order.filter { $0 != 0 }.map { $0 - 1 })
    }

    // MARK: Steps

    private func bodySteps(_ frame: Frame) throws -> [Engine.Step] {
        try GraphLowering.steps(
            of: body, inputs: frame.inputs, outputs: frame.carried.map(\.next) + frame.stacked,
            assembler: assembler, inside: origins)
    }

    /// Stores the counter where the body reads it as a tensor.
    private func counterSteps(_ frame: Frame) throws -> [Engine.Step] {
        guard let turn = body.inputs.first?.value, reads(turn) else { return [] }
        return try lowering.sizeSteps(IntExpr(region.counter), in: frame.counter.memory, origins: origins)
    }

    private func reads(_ value: ValueID) -> Bool {
        body.outputs.contains { $0.value == value }
            || body.nodeIDs.contains { body.operands(of: $0).contains(value) }
    }

    private func copy(_ carried: Carried, step: Int) throws -> Engine.Copy {
        Engine.Copy(
            from: try assembler.location(of: carried.next, step: step),
            to: try assembler.location(of: carried.current, step: step),
            bytes: assembler.expression(GraphLowering.byteCount(carried.nextType)))
    }

    /// Gives the symbol for the number of turns its value, where a condition decides it.
    private func bindTurns() throws {
        for symbol in graph.operation(of: node).definedSymbols where IntExpr(symbol) == region.turns {
            let place = buffer("turns", TensorType(.int64, []))
            try lowering.sizeSteps(IntExpr(region.counter), in: place.memory, origins: origins).forEach(lowering.append)
            lowering.append(try lowering.bindStep(symbol, to: place.memory, origins: origins))
        }
    }
}

extension LoopRegion {
    /// How many turns a stacked result must have room for: always one more than are done, if a condition ends the loop.
    var reachedTurns: IntExpr {
        guard hasCondition else { return trip ?? turns }
        let reached = IntExpr(counter) + 1
        return trip?.constant.map { IntExpr.min(reached, IntExpr(max($0, 0))) } ?? reached
    }
}
