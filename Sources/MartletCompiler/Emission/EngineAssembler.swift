import MartletCore
import MartletEngine
import MartletIR

/// The parts of an engine while its steps are being made: expressions, buffers, weights and kernels, each stored once.
final class EngineAssembler {
    let target: CodegenTarget
    let machine: VectorMachine
    private(set) var program = ExprProgram()
    private(set) var weights: WeightSection
    private(set) var buffers: [Engine.Buffer] = []
    private(set) var kernelTexts: [(name: String, irText: String)] = []
    private var kernelNumbers: [String: Int] = [:]
    private var noted: Set<String> = []
    private var kernelWords: [(operands: Int, words: Int)] = []
    /// Size symbols of the graph; symbols of the engine's own follow them.
    private let symbolCount: Int
    /// Symbols of the engine's own: the offsets of buffers, and sizes that no graph knows.
    private(set) var ownSymbols: [Engine.SymbolInfo] = []
    private var offsetSymbols: [Symbol] = []
    /// Steps made so far, nested ones included.
    private(set) var stepCount = 0
    /// Whether the texts of stages are kept.
    private let keepsTexts: Bool
    private(set) var groupTexts: [StageText] = []
    private(set) var kernelFunctions: [(name: String, function: VectorFunction)] = []
    /// Sizes that must agree.
    var requirements: [Engine.Requirement] = []
    /// What was not done, with the reason; no two are equal.
    var reasons: [String] = []
    /// What is noted of the compilation.
    let log: CompilationLog
    private let fusionLimit: Int?
    private let replacements: [String: VectorFunction]
    /// What size symbols do not exceed, where that is no number. These expressions are the first of the program.
    private(set) var limits: [Symbol: ExprRef] = [:]
    /// Symbols that count the turns of loops.
    var counters: Set<Symbol> = []

    /// An empty engine; its weights are added to those given.
    init(
        _ options: CompilerOptions, symbols: SymbolTable, weights: WeightSection = WeightSection(),
        reasons: [String] = []
    ) {
        let target = options.target
        self.target = target
        self.weights = weights
        symbolCount = symbols.entries.count
        keepsTexts = options.observer != nil
        self.reasons = reasons
        (log, fusionLimit, replacements) = (options.log, options.fusionLimit, options.kernels)
        machine = VectorMachine(target)
        for (number, entry) in symbols.entries.enumerated() {
            guard let upper = entry.upper, upper.constant == nil else { continue }
            limits[.size(number)] = expression(upper)
        }
    }

    /// Takes the number of the next step.
    func nextStep() -> Int {
        stepCount += 1
        return stepCount - 1
    }

    func expression(_ expression: IntExpr) -> ExprRef { program.append(expression) }

    // MARK: Buffers

    /// A new buffer of the arena, first touched by step `step`.
    func addBuffer(_ name: String, bytes: IntExpr, step: Int) -> Int {
        // Extents of a branch that is not taken may come out negative.
        let isNatural = bytes.isAtLeast(0) == .yes
        let size = expression((isNatural ? bytes : IntExpr.max(bytes, 0)).ceilDivided(by: 64) * 64)
        let number = buffers.count
        buffers.append(Engine.Buffer(name: name, size: size, firstStep: step, lastStep: step))
        offsetSymbols.append(add(Engine.SymbolInfo(name: "offset\(number)", kind: .offset(buffer: number))))
        return number
    }

    /// A size that only the engine knows; `bind` steps set it.
    func addSize(_ name: String) -> Symbol { add(Engine.SymbolInfo(name: name, kind: .bound)) }

    private func add(_ symbol: Engine.SymbolInfo) -> Symbol {
        ownSymbols.append(symbol)
        return .size(symbolCount + ownSymbols.count - 1)
    }

    /// Notes that step `step` touches a buffer.
    func touch(_ buffer: Int, step: Int) {
        buffers[buffer].firstStep = min(buffers[buffer].firstStep, step)
        buffers[buffer].lastStep = max(buffers[buffer].lastStep, step)
    }

    /// Buffers made before `first` and touched since step `start` live to the end of a loop.
    func extend(buffersBefore first: Int, touchedSince start: Int, to end: Int) {
        for buffer in 0..<first where buffers[buffer].lastStep >= start { buffers[buffer].lastStep = end }
    }

    // MARK: Places

    /// Base number and byte offset of a stored value, read by `step`.
    func location(of memory: StoredValue.Memory, step: Int) throws -> Engine.Location {
        let (base, offset) = try start(of: memory, step: step)
        return Engine.Location(base: base, offset: expression(offset))
    }

    private func start(of memory: StoredValue.Memory, step: Int) throws -> (base: Int, offset: IntExpr) {
        switch memory {
        case .buffer(let number):
            touch(number, step: step)
            return (Engine.arenaBase, IntExpr(offsetSymbols[number]))
        case .port(let base): return (base, 0)
        case .constant(let value):
            let recipe = PackingRecipe.plain(value.tensor, order: Array(value.tensor.shape.indices))
            return (Engine.weightsBase, IntExpr(try weights.offset(of: value, recipe)))
        case .part(let whole, let offset):
            let start = try start(of: whole, step: step)
            return (start.base, start.offset + offset)
        }
    }

    /// A constant in a layout of its own.
    func location(of constant: ConstantTensor, _ recipe: PackingRecipe) throws -> Engine.Location {
        let offset = try weights.offset(of: constant, recipe)
        return Engine.Location(base: Engine.weightsBase, offset: expression(IntExpr(offset)))
    }

    // MARK: Decisions

    /// Notes what was not done for a node, and why.
    func note(_ reason: String, of node: String?) {
        let name = node ?? ""
        let line = "\(name.isEmpty ? "(no name)" : name): \(reason)"
        if noted.insert(line).inserted { reasons.append(line) }
    }

    /// Whether one more value may be computed where it is read. Counts it, if so.
    func allowsFusion(of node: String) -> Bool {
        if let fusionLimit, log.fusionCount >= fusionLimit { return false }
        log.noteFusion(of: node)
        return true
    }

    // MARK: Kernels

    /// Notes a group for the text of its stage.
    func note(_ group: FusedGroup, names: (Symbol) -> String) {
        if keepsTexts { groupTexts.append(StageText("group\(groupTexts.count)", group.text(names))) }
    }

    /// Throws unless every kernel that is to be replaced is there.
    func checkReplacements() throws {
        let names = Set(kernelTexts.map(\.name))
        guard let missing = replacements.keys.sorted().first(where: { !names.contains($0) }) else { return }
        throw Diagnostic(
            "compile.kernel", "there is no kernel '\(missing)' to replace",
            help: "see the names that 'compile --dump kernels=FOLDER' gives")
    }

    /// The number of a kernel; equal code is one kernel.
    func kernel(_ generated: GeneratedKernel, operands: Int) -> Int {
        let text = print(generated.function)
        if let known = kernelNumbers[text] { return known }
        let number = kernelTexts.count
        kernelNumbers[text] = number
        let name = "k\(number)"
        let replacement = replacements[name]
        kernelTexts.append((name: name, irText: replacement.map(print) ?? text))
        if keepsTexts { kernelFunctions.append((name, replacement ?? generated.function)) }
        kernelWords.append((operands, operands * 2 + generated.words.count))
        return number
    }

    private func print(_ function: VectorFunction) -> String {
        log.measure(CompilerStage.llvm.rawValue) { LLVMPrinter.module(function, for: target) }
    }

    /// What the engine says of its kernels, given their offsets in the code section.
    func kernelInfos(offsets: [Int]) -> [Engine.KernelInfo] {
        offsets.enumerated().map { number, offset in
            Engine.KernelInfo(
                name: "k\(number)", offset: offset, operands: kernelWords[number].operands,
                words: kernelWords[number].words)
        }
    }
}
