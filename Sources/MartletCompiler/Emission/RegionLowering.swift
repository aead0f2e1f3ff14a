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
        let results = graph.results(of: node).map { lowering.allocate($0) }
        let memories = results.map(\.memory)
        let sizes = graph.operation(of: node).definedSymbols.map { symbol in
            (symbol, StoredValue.Memory.buffer(assembler.addBuffer("size", bytes: 8, step: number)))
        }
        let sides = try [then, otherwise].map { side in
            try GraphLowering.steps(of: side, inputs: captures, outputs: memories, assembler: assembler)
                + sizes.flatMap { try sizeSteps($0.0, of: side, in: $0.1) }
        }
        for buffer in (memories + sizes.map(\.1)).compactMap(\.buffer) {
            assembler.touch(buffer, step: number)
            assembler.touch(buffer, step: assembler.stepCount - 1)
        }
        lowering.append(
            Engine.Step(.branch(condition: condition, then: sides[0], else: sides[1]), origins: origins, note: "branch"))
        for (symbol, memory) in sizes { try lowering.bind(symbol, to: memory, origins: origins) }
    }

    /// Steps that store the extent that a side gives a result where the sides differ.
    private func sizeSteps(_ symbol: Symbol, of side: Graph, in memory: StoredValue.Memory) throws -> [Engine.Step] {
        for (result, output) in zip(graph.results(of: node), side.outputs) {
            guard let axis = graph.type(of: result).shape.firstIndex(of: IntExpr(symbol)) else { continue }
            return try lowering.sizeSteps(side.type(of: output.value).shape[axis], in: memory, origins: origins)
        }
        return []
    }

    private func lowerBind(_ symbol: Symbol, _ lower: Int, _ upper: Int?) throws {
        let number = assembler.nextStep()
        let value = try lowering.stored(operands[0])
        let source = try assembler.location(of: value.memory, step: number)
        lowering.append(
            Engine.Step(
                .bind(
                    symbol: Int(symbol.id), source: source, type: value.place.type, low: lower, high: upper ?? Int.max),
                origins: origins, note: "size"))
    }

    private func lowerFail(_ diagnostic: Diagnostic) {
        for result in graph.results(of: node) { _ = lowering.allocate(result) }
        _ = assembler.nextStep()
        lowering.append(
            Engine.Step(
                .fail(code: diagnostic.code, message: diagnostic.message, help: diagnostic.help ?? ""), origins: origins))
    }
}
