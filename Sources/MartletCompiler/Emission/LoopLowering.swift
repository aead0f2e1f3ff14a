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
        let current: StoredValue.Memory
        let next: StoredValue.Memory
    }

    /// What the body reads and writes.
    private struct Frame {
        var condition: Carried?
        var states: [Carried] = []
        var counter: StoredValue
        var inputs: [StoredValue] = []
        var stacked: [StoredValue] = []

        /// In the order of the body's outputs.
        var carried: [Carried] { (condition.map { [$0] } ?? []) + states }
    }

    init(_ lowering: GraphLowering, _ node: NodeID, _ region: LoopRegion) {
        self.lowering = lowering
        self.node = node
        self.region = region
    }

    func lower() throws {
        try checkSizes()
        assembler.counters.insert(region.counter)
        let frame = try makeFrame()
        let outerBuffers = assembler.buffers.count
        let number = assembler.nextStep()
        let steps = try counterSteps(frame) + bodySteps(frame)
        let last = assembler.stepCount - 1
        let condition = try frame.condition.map { try assembler.location(of: $0.current, step: number) }
        let copies = try frame.carried.map { try copy($0, step: last) }
        for value in frame.stacked { if let buffer = value.memory.buffer { assembler.touch(buffer, step: last) } }
        assembler.extend(buffersBefore: outerBuffers, touchedSince: number, to: last)
        lowering.append(
            Engine.Step(
                .loop(
                    counter: region.counter.number, trip: region.trip.map(assembler.expression), condition: condition,
                    body: steps, carried: copies),
                origins: origins, note: "loop"))
        try bindTurns()
    }

    /// Only the number of turns may be a size that the loop decides.
    private func checkSizes() throws {
        let sizes = graph.operation(of: node).definedSymbols.filter { IntExpr($0) != region.turns }
        guard let size = sizes.first else { return }
        throw Diagnostic(
            "compile.form",
            "a loop with an extent that changes from turn to turn ('\(graph.symbols.name(of: size))') "
                + "cannot be compiled yet",
            at: .node(name: origins.last ?? "", operator: "", file: nil), help: "run the model with --engine reference")
    }

    // MARK: Memory

    private func buffer(_ name: String, _ type: TensorType) -> StoredValue {
        let number = assembler.addBuffer(
            "\(origins.last ?? "loop") \(name)", bytes: GraphLowering.byteCount(type), step: assembler.stepCount)
        return StoredValue(memory: .buffer(number), place: .rowMajor(type), order: Array(0..<type.rank))
    }

    /// Allocates everything that outlives a turn, and initialises it.
    private func makeFrame() throws -> Frame {
        var operands = graph.operands(of: node)[...]
        let results = graph.results(of: node)
        var frame = Frame(counter: buffer("turn", TensorType(.int64, [])))
        if region.hasCondition, let initial = operands.popFirst() {
            let current = buffer("condition", TensorType(.bool, []))
            frame.condition = try carry(initial, in: current)
        }
        for result in results.prefix(region.stateCount) {
            guard let initial = operands.popFirst() else { break }
            frame.states.append(try carry(initial, in: lowering.allocate(result)))
        }
        let states = frame.states.map {
            StoredValue(memory: $0.current, place: .rowMajor($0.type), order: Array(0..<$0.type.rank))
        }
        let slices = try operands.prefix(region.scannedCount).map { slice(of: try lowering.stored($0)) }
        let captures = try operands.dropFirst(region.scannedCount).map(lowering.stored)
        frame.inputs = [frame.counter] + states + slices + captures
        frame.stacked = results.dropFirst(region.stateCount).map { slice(of: lowering.allocate($0)) }
        return frame
    }

    private func carry(_ initial: ValueID, in current: StoredValue) throws -> Carried {
        let type = graph.type(of: initial)
        try lowering.emitCopy(from: try lowering.stored(initial), to: current, type, origins: origins)
        return Carried(type: type, current: current.memory, next: buffer("next", type).memory)
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
            of: body, inputs: frame.inputs, outputs: frame.carried.map(\.next) + frame.stacked.map(\.memory),
            assembler: assembler)
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
            bytes: assembler.expression(GraphLowering.byteCount(carried.type)))
    }

    /// Gives the symbol for the number of turns its value, where a condition decides it.
    private func bindTurns() throws {
        for symbol in graph.operation(of: node).definedSymbols {
            let place = buffer("turns", TensorType(.int64, []))
            try lowering.sizeSteps(IntExpr(region.counter), in: place.memory, origins: origins).forEach(lowering.append)
            try lowering.bind(symbol, to: place.memory, origins: origins)
        }
    }
}
