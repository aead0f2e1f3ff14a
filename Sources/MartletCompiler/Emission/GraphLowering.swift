import MartletCore
import MartletEngine
import MartletIR

/// Turns a graph into steps: plans fusion, chooses layouts, generates a kernel for each group, and lowers regions.
final class GraphLowering {
    let graph: Graph
    let assembler: EngineAssembler
    private var forms: [NodeID: LoopForm] = [:]
    private var otherForms: [NodeID: KernelForm] = [:]
    private var groups: [ValueID: FusedGroup] = [:]
    private var concatenations: [ValueID: Concatenation] = [:]
    private var partPlan = PartPlan()
    private let appended: [AppendedState]
    private var values: [ValueID: StoredValue] = [:]
    /// Values that must lie in row-major order: operands of steps that are no loop nests.
    private var rowMajor: Set<ValueID> = []
    /// Copies of values in other memory orders.
    private var relaidValues: [RelaidKey: StoredValue] = [:]
    /// Memory that the caller gives to outputs.
    private var outputMemory: [ValueID: StoredValue.Memory] = [:]
    private(set) var steps: [Engine.Step] = []
    private var kernels = GroupKernels()

    private struct RelaidKey: Hashable {
        let value: ValueID
        let order: [Int]
    }

    /// Lowers `graph` whose inputs lie in `inputs`; its outputs are written to `outputs`. Outputs of `appended` states
    /// are the memory of their inputs. A graph inside a step comes with the origins of that step.
    static func steps(
        of graph: Graph, inputs: [StoredValue], outputs: [StoredValue.Memory], appended: [AppendedState] = [],
        assembler: EngineAssembler, inside region: [String]? = nil
    ) throws -> [Engine.Step] {
        let lowering = GraphLowering(graph, appended, assembler)
        try lowering.noteRequirements(inside: region)
        try lowering.lower(inputs, outputs)
        return lowering.steps
    }

    private init(_ graph: Graph, _ appended: [AppendedState], _ assembler: EngineAssembler) {
        self.graph = graph
        self.appended = appended
        self.assembler = assembler
    }

    private func lower(_ inputs: [StoredValue], _ outputs: [StoredValue.Memory]) throws {
        for (port, value) in zip(graph.inputs, inputs) { values[port.value] = value }
        try findForms()
        noteRowMajor()
        assembler.log.measure(CompilerStage.fused.rawValue) { planGroups() }
        assignOutputs(outputs)
        for node in graph.nodeIDs { try lower(node) }
        try copyOutputs(outputs)
    }

    /// Hands on the sizes that must agree. The runtime compares them when the last of their symbols gets its value. Where
    /// a graph inside a step sets none of them, a mark of its start takes that part: so they are compared in each turn of
    /// a loop, and not where the graph is a side of a branch that is not taken.
    private func noteRequirements(inside region: [String]?) throws {
        var start: Symbol?
        let own = Set(graph.nodeIDs.flatMap { graph.operation(of: $0).definedSymbols })
        for requirement in graph.requirements {
            var left = requirement.left
            let isSetHere = (left.symbols + requirement.right.symbols).contains(where: own.contains)
            if let region, !isSetHere { left = left + IntExpr(try markOfStart(&start, origins: region)) }
            assembler.requirements.append(
                Engine.Requirement(
                    left: assembler.expression(left), right: assembler.expression(requirement.right),
                    what: requirement.what))
        }
    }

    /// A symbol without a name, which the first step sets to 0.
    private func markOfStart(_ mark: inout Symbol?, origins: [String]) throws -> Symbol {
        if let mark { return mark }
        let symbol = assembler.addSize("")
        let zero = ConstantTensor(HostTensor(scalar: Int64(0)))
        append(try bindStep(symbol, to: .constant(zero), origins: origins))
        mark = symbol
        return symbol
    }

    private func findForms() throws {
        for node in graph.nodeIDs {
            let operation = graph.operation(of: node)
            let operands = graph.operands(of: node).map(graph.type(of:))
            let results = graph.results(of: node).map(graph.type(of:))
            let form = try operation.kernelForm(operands: operands, results: results)
            if case .loops(let loops) = form, loops.count == 1 {
                forms[node] = loops[0]
            } else {
                otherForms[node] = form
            }
        }
    }

    private func noteRowMajor() {
        for node in graph.nodeIDs where otherForms[node] != nil { rowMajor.formUnion(graph.operands(of: node)) }
    }

    private func planGroups() {
        let (plan, groups) = FusionPlanner.groups(
            of: graph, forms: forms, appended: Set(appended.map(\.output))
        ) { [self] in assembler.allowsFusion(of: name(of: $0)) }
        for (value, reason) in plan.reasons {
            assembler.note("not fused into its readers: \(reason)", of: name(of: value))
        }
        (self.groups, concatenations) = (groups, plan.concatenations)
        let fixed = rowMajor.union(graph.outputs.map(\.value))
        partPlan = PartPlan(graph, concatenations, groups, fixed: fixed, appended: appended)
    }

    /// A computed value is written straight to the first output that it is, unless its kernel works in another order.
    private func assignOutputs(_ outputs: [StoredValue.Memory]) {
        for (port, memory) in zip(graph.outputs, outputs) {
            guard case .node(let node, _) = graph.producer(of: port.value), outputMemory[port.value] == nil else {
                continue
            }
            if case .constant? = otherForms[node] { continue }
            if let group = groups[port.value], LayoutPlanner.anchorOrder(group) != nil { continue }
            outputMemory[port.value] = memory
        }
    }

    /// Inputs and constants that are outputs, and values that are several outputs, are copied.
    private func copyOutputs(_ outputs: [StoredValue.Memory]) throws {
        for (port, memory) in zip(graph.outputs, outputs) where outputMemory[port.value] != memory {
            guard let value = values[port.value] else { continue }
            assembler.note("copied to output '\(port.name)': it is not computed there", of: name(of: port.value))
            try emitCopy(from: value, to: memory, graph.type(of: port.value), origins: [port.name])
        }
    }

    // MARK: Nodes

    private func lower(_ node: NodeID) throws {
        guard let form = otherForms[node] else {
            let value = graph.results(of: node)[0]
            if let group = groups[value] { try emit(group) }
            if let concatenation = concatenations[value] { try concatenate(value, node, concatenation) }
            return
        }
        switch form {
        case .constant(let tensor):
            let value = graph.results(of: node)[0]
            let order = Array(tensor.shape.indices)
            values[value] = StoredValue(
                memory: .constant(ConstantTensor(tensor)), place: .rowMajor(graph.type(of: value)), order: order)
        default: try RegionLowering(self, node).lower(form)
        }
    }

    /// Gives a result of a step memory, row-major.
    func allocate(_ value: ValueID, order: [Int]? = nil) -> StoredValue {
        let type = graph.type(of: value)
        if let part = partPlan.parts[value] {
            let stored = place(of: type, at: part.start, part.axis, in: whole(part.whole))
            values[value] = stored
            return stored
        }
        let order = order ?? Array(0..<type.rank)
        let memory =
            outputMemory[value]
            ?? .buffer(
                assembler.addBuffer(name(of: value), bytes: GraphLowering.byteCount(type), step: assembler.stepCount))
        let stored = StoredValue(memory: memory, place: .dense(type, order: order), order: order)
        values[value] = stored
        return stored
    }

    /// Gives a result row-major memory of its own, of a size that is not that of its type: one that is known sooner. If
    /// the result is an output, it is copied there at the end.
    func allocate(_ value: ValueID, bytes: IntExpr) -> StoredValue {
        outputMemory[value] = nil
        let type = graph.type(of: value)
        let buffer = assembler.addBuffer(name(of: value), bytes: bytes, step: assembler.stepCount)
        let stored = StoredValue(
            memory: .buffer(buffer), place: .rowMajor(type), order: Array(0..<type.rank))
        values[value] = stored
        return stored
    }

    // MARK: Concatenations

    /// A concatenation's memory, allocated with the first part that is computed.
    private func whole(_ value: ValueID) -> StoredValue {
        values[value] ?? allocate(value, order: partPlan.orders[value])
    }

    /// The place of a part of a larger value.
    private func place(of type: TensorType, at start: IntExpr, _ axis: Int, in whole: StoredValue) -> StoredValue {
        let bytes = IntExpr(max(type.element.bitWidth / 8, 1)) * whole.place.strides[axis] * start
        return StoredValue(
            memory: .part(whole.memory, offset: bytes),
            place: MemoryPlace(type: type.element, extents: type.shape, strides: whole.place.strides),
            order: whole.order)
    }

    /// Copies the parts that were not computed in their places.
    private func concatenate(_ value: ValueID, _ node: NodeID, _ concatenation: Concatenation) throws {
        let whole = whole(value)
        let operands = Array(graph.operands(of: node))
        for piece in concatenation.pieces {
            let operand = operands[piece.operand]
            if partPlan.parts[operand]?.whole == value { continue }
            let type = graph.type(of: operand)
            let target = place(of: type, at: piece.start, concatenation.axis, in: whole)
            try emitCopy(from: stored(operand), to: target, type, origins: graph.origins(of: node))
        }
    }

    static func byteCount(_ type: TensorType) -> IntExpr { type.count * IntExpr(max(type.element.bitWidth / 8, 1)) }

    private func name(of value: ValueID) -> String {
        guard case .node(let node, _) = graph.producer(of: value) else { return "" }
        return graph.origins(of: node).last ?? ""
    }

    /// A value that a step reads.
    func stored(_ value: ValueID) throws -> StoredValue {
        guard let stored = values[value] else {
            throw Diagnostic("compile.order", "value %\(value.index) is read before it is stored")
        }
        return stored
    }

    func append(_ step: Engine.Step) { steps.append(step) }

    // MARK: Sizes of the run

    /// Steps that store the value of a size expression as an `i64`.
    func sizeSteps(_ expression: IntExpr, in memory: StoredValue.Memory, origins: [String]) throws -> [Engine.Step] {
        // Without the table's ranges, which hold for a loop's counter during turns only.
        let builder = GraphBuilder()
        builder.origin = origins
        let value = try builder.add(Dimension(expression), [])[0]
        let graph = try builder.finish(outputs: [GraphPort("size", value)])
        return try GraphLowering.steps(of: graph, inputs: [], outputs: [memory], assembler: assembler)
    }

    /// The step that reads an `i64` into a size symbol.
    func bindStep(_ symbol: Symbol, to memory: StoredValue.Memory, origins: [String]) throws -> Engine.Step {
        let step = assembler.nextStep()
        let isOwn = symbol.number >= graph.symbols.entries.count
        let range = isOwn ? Bounds(lower: 0) : graph.symbols.ranges[symbol]
        return Engine.Step(
            .bind(
                symbol: symbol.number, source: try assembler.location(of: memory, step: step), type: .int64,
                low: range.lower ?? 0, high: range.upper ?? Int.max),
            origins: origins, note: "size")
    }

    // MARK: Groups

    private func emit(_ group: FusedGroup) throws {
        assembler.note(group, names: graph.symbols.name(of:))
        var operands = try group.operands.map(stored)
        let mustBeRowMajor = rowMajor.contains(group.result) || outputMemory[group.result] != nil
        let natural = LayoutPlanner.order(group, operandOrders: operands.map(\.order))
        let plain = mustBeRowMajor && group.anchor == nil ? Array(0..<group.type.rank) : natural
        let order = partPlan.order(of: group.result) ?? plain
        for position in operands.indices {
            guard let wanted = LayoutPlanner.depthOrder(position, group), wanted != operands[position].order else {
                continue
            }
            operands[position] = try relaid(group.operands[position], wanted)
        }
        try emit(group, operands, allocate(group.result, order: order))
        if rowMajor.contains(group.result), order != Array(0..<group.type.rank) {
            values[group.result] = try relaid(group.result, Array(0..<group.type.rank))
        }
    }

    /// A copy of a value in another memory order, made once.
    private func relaid(_ value: ValueID, _ order: [Int]) throws -> StoredValue {
        let source = try stored(value)
        if source.constant != nil { return source }
        let key = RelaidKey(value: value, order: order)
        if let known = relaidValues[key] { return known }
        let type = graph.type(of: value)
        let buffer = assembler.addBuffer(
            name(of: value), bytes: GraphLowering.byteCount(type), step: assembler.stepCount)
        let target = StoredValue(memory: .buffer(buffer), place: .dense(type, order: order), order: order)
        try emitCopy(from: source, to: target, type, origins: [name(of: value)])
        assembler.note("copied to another memory order, from axes \(source.order) to \(order)", of: name(of: value))
        relaidValues[key] = target
        return target
    }

    private func emit(_ group: FusedGroup, _ operands: [StoredValue], _ result: StoredValue) throws {
        let made = try kernels.kernel(of: group, operands, result, graph.symbols.ranges, assembler)
        let relaid = zip(operands, made.orders).map { $1.map($0.relaid) ?? $0 }
        try emitStep(made.kernel, number: made.number, relaid, result, origins: group.origins)
    }

    func emitStep(
        _ kernel: GeneratedKernel, _ operands: [StoredValue], _ result: StoredValue, origins: [String]
    ) throws {
        let number = assembler.kernel(kernel, operands: operands.count + 1)
        try emitStep(kernel, number: number, operands, result, origins: origins)
    }

    private func emitStep(
        _ kernel: GeneratedKernel, number: Int, _ operands: [StoredValue], _ result: StoredValue, origins: [String]
    ) throws {
        let step = assembler.nextStep()
        noteReasons(kernel, of: origins.last)
        var words: [ExprRef] = []
        for (position, operand) in operands.enumerated() {
            let location = try self.location(operand, kernel.packing[position], step)
            words += [assembler.expression(IntExpr(location.base)), location.offset]
        }
        let target = try assembler.location(of: result.memory, step: step)
        words += [assembler.expression(IntExpr(target.base)), target.offset]
        words += kernel.words.map(assembler.expression)
        append(
            Engine.Step(
                .kernel(
                    kernel: number, words: words, grid: assembler.expression(kernel.grid),
                    scratch: assembler.expression(kernel.scratch)),
                origins: origins, flops: assembler.expression(kernel.flops), bytes: assembler.expression(kernel.bytes),
                note: kernel.note))
    }

    /// Work below this many operations is not worth a second thread.
    private static let smallWork = 100_000

    private func noteReasons(_ kernel: GeneratedKernel, of node: String?) {
        for reason in kernel.reasons { assembler.note(reason, of: node) }
        if kernel.grid == 1, kernel.flops.constant.map({ $0 >= GraphLowering.smallWork }) ?? false {
            assembler.note("not divided among threads: its grid is one point", of: node)
        }
    }

    private func location(_ value: StoredValue, _ recipe: PackingRecipe?, _ step: Int) throws -> Engine.Location {
        guard case .constant(let constant) = value.memory else {
            return try assembler.location(of: value.memory, step: step)
        }
        return try assembler.location(of: constant, recipe ?? .plain(constant.tensor, order: value.order))
    }

    /// A kernel that copies a value to row-major memory.
    func emitCopy(
        from value: StoredValue, to memory: StoredValue.Memory, _ type: TensorType, origins: [String]
    ) throws {
        let target = StoredValue(memory: memory, place: .rowMajor(type), order: Array(0..<type.rank))
        try emitCopy(from: value, to: target, type, origins: origins)
    }

    /// A kernel that copies a value as it is.
    func emitCopy(from value: StoredValue, to target: StoredValue, _ type: TensorType, origins: [String]) throws {
        var body = ScalarBody()
        let root = body.add(.load(operand: 0, index: LoopForm.variables(type.rank), type: type.element))
        let group = FusedGroup(
            result: ValueID(-1), type: type, axes: LoopForm.axes(of: type.shape), body: body, root: root, operands: [],
            anchor: nil, origins: origins)
        try emit(group, [value], target)
    }
}
