import MartletCore
import MartletEngine
import MartletIR

/// Lowers nodes that are no loop nests: branches, loops, sizes read at run time, failures, and sequential kernels.
struct RegionLowering {
    private let lowering: GraphLowering
    private let node: NodeID
    private var graph: Graph { lowering.graph }
    private var assembler: EngineAssembler { lowering.assembler }

    init(_ lowering: GraphLowering, _ node: NodeID) {
        self.lowering = lowering
        self.node = node
    }

    func lower(_ form: KernelForm) throws {
        switch form {
        case .branch(let then, let otherwise): try lowerBranch(then, otherwise)
        case .bind(let symbol, let lower, let upper): try lowerBind(symbol, lower, upper)
        case .fail(let diagnostic): lowerFail(diagnostic)
        case .loop(let region): try LoopLowering(lowering, node, region).lower()
        case .scan, .sort, .scatter: try SequentialLowering(lowering, node).lower(form)
        default:
            throw Diagnostic(
                "compile.form", "no template takes '\(type(of: graph.operation(of: node)).name)' yet",
                at: .node(name: graph.origins(of: node).last ?? "", operator: "", file: nil),
                help: "run the model with --engine reference")
        }
    }

    private var operands: [ValueID] { Array(graph.operands(of: node)) }
    private var origins: [String] { graph.origins(of: node) }

    private func lowerBranch(_ then: Graph, _ otherwise: Graph) throws {
        let number = assembler.nextStep()
        let condition = try assembler.location(of: try lowering.stored(operands[0]).memory, step: number)
        let captures = try operands.dropFirst().map(lowering.stored)
        let memories = graph.results(of: node).map { lowering.allocate($0).memory }
        let sizes = graph.operation(of: node).definedSymbols.map { symbol in
            (symbol, StoredValue.Memory.buffer(assembler.addBuffer("size", bytes: 8, step: number)))
        }
        let sides = try [then, otherwise].map { try lower(side: $0, captures, memories, sizes) }
        for buffer in (memories + sizes.map(\.1)).compactMap(\.buffer) {
            assembler.touch(buffer, step: number)
            assembler.touch(buffer, step: assembler.stepCount - 1)
        }
        lowering.append(
            Engine.Step(
                .branch(condition: condition, then: sides[0], else: sides[1]), origins: origins, note: "branch"))
    }

    /// The steps of a side. Where it decides the extents of a result, there is memory for the result only when these
    /// are known: the side keeps it in memory of its own until then.
    private func lower(
        side: Graph, _ captures: [StoredValue], _ results: [StoredValue.Memory],
        _ sizes: [(symbol: Symbol, memory: StoredValue.Memory)]
    ) throws -> [Engine.Step] {
        let types = side.outputs.map { side.type(of: $0.value) }
        var outputs = results
        for (index, result) in graph.results(of: node).enumerated() {
            let extents = graph.type(of: result).shape
            guard sizes.contains(where: { size in extents.contains { $0.contains(size.symbol) } }) else { continue }
            let bytes = GraphLowering.byteCount(types[index])
            outputs[index] = .buffer(
                assembler.addBuffer("\(origins.last ?? "branch") side", bytes: bytes, step: assembler.stepCount))
        }
        var steps = try GraphLowering.steps(
            of: side, inputs: captures, outputs: outputs, assembler: assembler, inside: origins)
        steps += try sizes.flatMap { try sizeSteps($0.symbol, of: side, in: $0.memory) }
        steps += try sizes.map { try lowering.bindStep($0.symbol, to: $0.memory, origins: origins) }
        for (index, output) in outputs.enumerated() where output != results[index] {
            let step = assembler.nextStep()
            let copy = Engine.Copy(
                from: try assembler.location(of: output, step: step),
                to: try assembler.location(of: results[index], step: step),
                bytes: assembler.expression(GraphLowering.byteCount(types[index])))
            steps.append(Engine.Step(.copy(copy), origins: origins))
        }
        return steps
    }

    /// Steps that store the extent that a side gives a result where the sides differ.
    private func sizeSteps(_ symbol: Symbol, of side: Graph, in memory: StoredValue.Memory) throws -> [Engine.Step] {
        for (result, output) in zip(graph.results(of: node), side.outputs) {
            guard let axis = graph.type(of: result).shape.firstIndex(of: IntExpr(symbol)) else { continue }
            return try lowering.sizeSteps(side.type(of: output.value).shape[axis], in: memory, origins: origins)
        }
        return []
    }

    private func lowerBind(_ symbol: Symbol, _ lower: Int, _ upper: IntExpr?) throws {
        let number = assembler.nextStep()
        let value = try lowering.stored(operands[0])
        let source = try assembler.location(of: value.memory, step: number)
        // What else bounds it is the symbol's limit.
        let high = upper?.bounds(graph.symbols.ranges).upper ?? Int.max
        lowering.append(
            Engine.Step(
                .bind(symbol: Int(symbol.id), source: source, type: value.place.type, low: lower, high: high),
                origins: origins, note: "size"))
    }

    private func lowerFail(_ diagnostic: Diagnostic) {
        for result in graph.results(of: node) { _ = lowering.allocate(result) }
        _ = assembler.nextStep()
        lowering.append(
            Engine.Step(
                .fail(code: diagnostic.code, message: diagnostic.message, help: diagnostic.help ?? ""), origins: origins
            ))
    }
}
