import MartletCore
import MartletIR

/// Lowers running combinations, sorts and scatters: kernels with sequential loops of their own.
struct SequentialLowering {
    private let lowering: GraphLowering
    private let node: NodeID
    private var graph: Graph { lowering.graph }
    private var assembler: EngineAssembler { lowering.assembler }
    private var operands: [ValueID] { Array(graph.operands(of: node)) }
    private var origins: [String] { graph.origins(of: node) }
    private var ranges: SymbolRanges { graph.symbols.ranges }

    init(_ lowering: GraphLowering, _ node: NodeID) {
        self.lowering = lowering
        self.node = node
    }

    func lower(_ form: KernelForm) throws {
        switch form {
        case .scan(let combiner, let axis): try lowerScan(combiner, axis)
        case .sort(let axis, let descending): try lowerSort(axis, descending)
        case .scatter(let form): try lowerScatter(form)
        default: break
        }
    }

    private func lowerScan(_ combiner: Combiner, _ axis: Int) throws {
        let operand = try lowering.stored(operands[0])
        let result = lowering.allocate(graph.results(of: node)[0])
        let kernel = try ScanTemplate.kernel(
            combiner, axis: axis, operand: operand.place, result: result.place, ranges: ranges,
            machine: assembler.machine)
        try lowering.emitStep(kernel, [operand], result, origins: origins)
    }

    private func lowerSort(_ axis: Int, _ descending: Bool) throws {
        let operand = try lowering.stored(operands[0])
        let results = graph.results(of: node).map { lowering.allocate($0) }
        let kernel = try SortTemplate.kernel(
            operand: operand.place, positions: results[1].place, values: results[0].place, axis: axis,
            descending: descending, ranges: ranges, machine: assembler.machine)
        try lowering.emitStep(kernel, [operand, results[1]], results[0], origins: origins)
    }

    /// Copies operand 0 to the result and combines the updates into it.
    ///
    /// Sums and products of narrow floats are kept in f64 until all updates are in, then rounded once.
    private func lowerScatter(_ form: ScatterForm) throws {
        let target = try lowering.stored(operands[0])
        let result = lowering.allocate(graph.results(of: node)[0])
        let type = graph.type(of: operands[0])
        let isNarrow = type.element.isFloatingPoint && type.element != .float64
        guard isNarrow, form.mode == .add || form.mode == .mul else {
            assembler.note("not updated in place: its operand is copied first", of: origins.last)
            try lowering.emitCopy(from: target, to: result, type, origins: origins)
            return try emitUpdates(form, into: result)
        }
        let wideType = type.with(element: .float64)
        let bytes = GraphLowering.byteCount(wideType)
        let buffer = assembler.addBuffer(origins.last ?? "", bytes: bytes, step: assembler.stepCount)
        let wide = StoredValue(memory: .buffer(buffer), place: .rowMajor(wideType), order: Array(0..<type.rank))
        try emitCast(of: target, type, to: .float64, into: wide.memory)
        try emitUpdates(form, into: wide)
        try emitCast(of: wide, wideType, to: type.element, into: result.memory)
    }

    private func emitUpdates(_ form: ScatterForm, into result: StoredValue) throws {
        let sources = try operands.dropFirst().map(lowering.stored)
        let kernel = try ScatterTemplate.kernel(
            form, indices: sources.dropLast().map(\.place), update: sources[form.axes.count].place,
            result: result.place, ranges: ranges, machine: assembler.machine)
        try lowering.emitStep(kernel, Array(sources), result, origins: origins)
    }

    private func emitCast(
        of value: StoredValue, _ type: TensorType, to element: ElementType, into memory: StoredValue.Memory
    ) throws {
        let builder = GraphBuilder(symbols: graph.symbols)
        builder.origin = origins
        let input = builder.addInput("x", type)
        let output = try builder.add(Map(.cast, to: element), input)
        let cast = try builder.finish(outputs: [GraphPort("y", output)])
        let steps = try GraphLowering.steps(of: cast, inputs: [value], outputs: [memory], assembler: assembler)
        steps.forEach(lowering.append)
    }
}
