import MartletCore
public import MartletEngine
public import MartletIR

/// What a model is compiled for.
public struct CompilerOptions: Sendable {
    /// The machine.
    public var target: CodegenTarget
    /// Threads that compile.
    public var jobs = 2
    /// Name of the model, for the engine's header.
    public var name = ""
    /// Hash of the model, in hexadecimal.
    public var modelHash = ""
    /// Version of the compiling program, for the engine's header.
    public var writerVersion = ""

    /// Passes and local rules that must not run, and a limit of rewrites for bisection.
    public var rules = RuleSet.Options()
    /// Values that may be computed where they are read in all, for bisection; nil for no limit.
    public var fusionLimit: Int?
    /// Kernels of Vector IR, by name, that take the place of those generated.
    public var kernels: [String: VectorFunction] = [:]
    /// Whether the graph is verified behind each pass.
    public var verifiesPasses = false
    /// The passes that make the canonical form.
    package var passes = Pass.canonical
    /// Notes what is done.
    public var log = CompilationLog()
    /// Receives what stages print.
    public var observer: StageObserver?
    /// Nothing behind this stage is done; `compile` then throws `compile.stopped`.
    public var lastStage = CompilerStage.placed

    /// Options for a target.
    public init(target: CodegenTarget) { self.target = target }
}

/// Compiles graphs to engines.
public struct Compiler: Sendable {
    private let options: CompilerOptions
    private let generator: CodeGenerator
    private let cache: KernelCache?

    /// A compiler that makes machine code with `generator` and keeps it in `cache`.
    public init(_ options: CompilerOptions, generator: CodeGenerator, cache: KernelCache? = nil) {
        self.options = options
        self.generator = generator
        self.cache = cache
    }

    /// Names of the passes, by which they can be switched off.
    public static var passNames: [String] { Pass.canonical.map(\.name) }

    /// Compiles a graph.
    ///
    /// - Parameters:
    ///   - specialisations: The same model for narrower sizes of its inputs; a run takes the first that fits. What stages
    ///     print of them has the suffix `.variant1` and so on.
    ///   - stage: Which stage made the graphs, `imported` or `canonical`; what comes before is left out.
    /// - Throws: `compile.…` naming the node that no template takes, `llvm.…` and `link.…` for failures below,
    ///   `engine.invalid` for specialisations with other inputs or outputs, and `compile.stopped` behind the last stage
    ///   asked for.
    public func compile(
        _ source: Graph, specialisations: [Graph] = [], from stage: CompilerStage = .imported
    ) throws -> Engine {
        guard specialisations.count <= Engine.maximumSpecialisations else {
            throw Diagnostic(
                "compile.variants",
                "an engine may have \(Engine.maximumSpecialisations) specialisations, not \(specialisations.count)")
        }
        var weights = WeightSection()
        var variants: [Engine] = []
        var stop: Diagnostic?
        for (number, graph) in ([source] + specialisations).enumerated() {
            do {
                variants.append(try compile(graph, from: stage, variant: number, &weights))
            } catch let end as Diagnostic where end.code == "compile.stopped" {
                stop = end
            }
        }
        if let stop { throw stop }
        let bytes = try SectionBytes(count: weights.byteCount) { try weights.write(into: $0) }
        for index in variants.indices { variants[index].weights = bytes }
        var engine = variants.removeFirst()
        engine.specialisations = variants
        try engine.validate()
        try finish(.placed) { [StageText("engine", engine.describe())] }
        return engine
    }

    /// One variant without its weights, which are added to those of the others.
    private func compile(
        _ source: Graph, from stage: CompilerStage, variant: Int, _ weights: inout WeightSection
    ) throws -> Engine {
        if stage == .imported { try finish(.imported, variant) { [StageText(source)] } }
        var reasons: [String] = []
        let graph = stage == .imported ? try canonical(source, variant: variant, &reasons) : source
        let assembler = EngineAssembler(
            options, symbols: graph.symbols, weights: weights, reasons: reasons)
        let appended = try AppendedState.find(in: graph)
        assembler.reasons += appended.reasons
        let steps = try options.log.measure(CompilerStage.kernels.rawValue) {
            try lower(graph, appended.states, assembler)
        }
        weights = assembler.weights
        try finish(.fused, variant) { assembler.groupTexts }
        try finish(.kernels, variant) { assembler.kernelFunctions.map { StageText($0.name, $0.function.text) } }
        try finish(.llvm, variant) { assembler.kernelTexts.map { StageText($0.name, $0.irText) } }
        try assembler.checkReplacements()
        return try options.log.measure(CompilerStage.placed.rawValue) {
            try assemble(graph, appended.states, source: variant == 0 ? source.text : "", assembler, steps)
        }
    }

    /// The graph in canonical form, as the later stages take it.
    public func canonical(_ source: Graph) throws -> Graph {
        var reasons: [String] = []
        return try canonical(source, variant: 0, &reasons)
    }

    private func canonical(_ source: Graph, variant: Int, _ reasons: inout [String]) throws -> Graph {
        var graph = source
        for pass in options.passes { graph = try run(pass, graph, &reasons) }
        try finish(.canonical, variant) { [StageText(graph)] }
        return graph
    }

    /// Runs a pass unless it is switched off; one that can be limited counts as a rewrite itself, before those that it does.
    private func run(_ pass: Pass, _ graph: Graph, _ reasons: inout [String]) throws -> Graph {
        let rules = RuleSet(options.rules)
        let isOn = pass.isRequired ? !options.rules.disabled.contains(pass.name) : rules.allows(pass.name)
        guard isOn else { return graph }
        if !pass.isRequired { rules.count(pass.name) }
        do {
            let result = try options.log.measure("pass \(pass.name)") { try pass.run(graph, options.rules, &reasons) }
            if options.verifiesPasses { try result.verify() }
            return result
        } catch let problem as Diagnostic {
            throw problem.prefixed("pass '\(pass.name)': ")
        } catch let problems as Diagnostics {
            throw Diagnostics(problems.all.map { $0.prefixed("pass '\(pass.name)': ") })
        }
    }

    private func finish(_ stage: CompilerStage, _ variant: Int = 0, _ texts: () -> [StageText]) throws {
        try options.observer?.record(stage) {
            guard variant > 0 else { return texts() }
            return texts().map { StageText("\($0.name).variant\(variant)", $0.text, resources: $0.resources) }
        }
        guard stage < options.lastStage || stage == .placed else {
            throw Diagnostic("compile.stopped", "stopped behind stage '\(stage.rawValue)'", severity: .note)
        }
    }

    private func lower(
        _ graph: Graph, _ appended: [AppendedState], _ assembler: EngineAssembler
    ) throws -> [Engine.Step] {
        let inputs = graph.inputs.enumerated().map { position, port in
            let type = graph.type(of: port.value)
            let order = appended.first { $0.input == port.value }?.order ?? Array(0..<type.rank)
            return StoredValue(
                memory: .port(Engine.firstPortBase + position), place: .dense(type, order: order), order: order)
        }
        let outputs = graph.outputs.indices.map {
            StoredValue.Memory.port(Engine.firstPortBase + graph.inputs.count + $0)
        }
        return try GraphLowering.steps(
            of: graph, inputs: inputs, outputs: outputs, appended: appended, assembler: assembler)
    }

    private func assemble(
        _ graph: Graph, _ appended: [AppendedState], source: String, _ assembler: EngineAssembler,
        _ steps: [Engine.Step]
    ) throws -> Engine {
        let phase = "machine code"
        let parts = try options.log.measure(phase) {
            try generator.kernels(
                for: assembler.kernelTexts, target: options.target, jobs: options.jobs, cache: cache
            ) { [log = options.log] in log.report(phase, $0, of: $1) }
        }
        let section = try CodeSection(parts)
        let offsets = section.entries.map { $0.first?.offset ?? 0 }
        let ports = ports(graph, assembler)
        return Engine(
            header: header, symbols: symbols(graph, assembler), program: assembler.program, inputs: ports.inputs,
            outputs: ports.outputs, states: states(graph, appended), buffers: assembler.buffers, steps: steps,
            requirements: assembler.requirements, kernels: assembler.kernelInfos(offsets: offsets),
            code: try SectionBytes(section.bytes), sourceGraph: source, reasons: assembler.reasons)
    }

    private var header: Engine.Header {
        Engine.Header(
            name: options.name, writerVersion: options.writerVersion, target: options.target.name,
            triple: options.target.triple, features: options.target.allFeatures.map(\.rawValue),
            modelHash: options.modelHash)
    }

    private func ports(_ graph: Graph, _ assembler: EngineAssembler) -> (inputs: [Engine.Port], outputs: [Engine.Port])
    {
        func port(_ port: GraphPort, _ base: Int) -> Engine.Port {
            let type = graph.type(of: port.value)
            return Engine.Port(
                name: port.name, type: type.element, dims: type.shape.map(assembler.expression), base: base)
        }
        let inputs = graph.inputs.enumerated().map { port($1, Engine.firstPortBase + $0) }
        let outputs = graph.outputs.enumerated().map { port($1, Engine.firstPortBase + inputs.count + $0) }
        return (inputs, outputs)
    }

    private func symbols(_ graph: Graph, _ assembler: EngineAssembler) -> [Engine.SymbolInfo] {
        let extents = graph.inputs.flatMap { graph.type(of: $0.value).shape }
        let fromInputs = Set(
            extents.compactMap { $0.symbols.count == 1 && $0 == IntExpr($0.symbols[0]) ? $0.symbols[0] : nil })
        let sizes = graph.symbols.entries.enumerated().map { position, entry in
            let symbol = Symbol.size(position)
            let upper = graph.symbols.ranges[symbol].upper
            if assembler.counters.contains(symbol) {
                // After the last turn the counter is the number of turns.
                return Engine.SymbolInfo(
                    name: entry.name, kind: .counter, lower: entry.lower,
                    upper: upper.map { $0 == .max ? $0 : $0 + 1 })
            }
            let isInput = fromInputs.contains(symbol)
            return Engine.SymbolInfo(
                name: entry.name, kind: isInput ? .input : .bound, lower: entry.lower, upper: upper,
                limit: isInput ? nil : assembler.limits[symbol])
        }
        return sizes + assembler.ownSymbols
    }

    private func states(_ graph: Graph, _ appended: [AppendedState]) -> [Engine.StateLink] {
        graph.states.compactMap { state in
            guard let input = graph.inputs.firstIndex(where: { $0.name == state.input }),
                let output = graph.outputs.firstIndex(where: { $0.name == state.output })
            else { return nil }
            let growth = appended.first { $0.input == graph.inputs[input].value }?.growth
            return Engine.StateLink(input: input, output: output, growth: growth)
        }
    }
}
