internal import MartletEngine

/// How the values grow whose size may have no useful bound before the run. Independent of shapes; made once.
///
/// A value gets its memory when all symbols that its size depends on have values, and grows when one of them changes.
/// Most values are used only behind the last step that sets one of these symbols: nothing in them is worth keeping when
/// the symbol is set. Those that wait for the same symbol form a *zone*: one block of memory, shared by values that do
/// not live at the same time. The others, such as the stacked results of a loop, live on while they grow: each has a
/// block of its own and keeps its contents.
struct GrowthTable: Sendable {
    struct Zone: Sendable {
        var buffers: [Int] = []
        var placement = Placement([])
    }

    /// Something to look at when a symbol is set.
    enum Target: Hashable, Sendable {
        case zone(Int)
        case single(Int)
        case output(Int)
        case requirement(Int)
    }

    private(set) var zones: [Zone] = []
    /// For each buffer whether it may grow.
    private(set) var mayGrow: [Bool]
    /// For each output whether it may grow.
    private(set) var mayGrowOutput: [Bool]
    /// For each buffer the symbol that is its offset; -1 if there is none.
    private(set) var offsetSymbols: [Int]
    /// For each symbol what to look at when it is set.
    private(set) var targets: [[Target]]

    /// For each symbol the number of the last step that sets it; -1 if none does.
    private var setters: [Int]

    init(
        _ engine: Engine, growth: (buffers: [Int], outputs: [Int]), _ expressions: ExpressionTable, _ schedule: Schedule
    ) {
        mayGrow = [Bool](repeating: false, count: engine.buffers.count)
        for buffer in growth.buffers { mayGrow[buffer] = true }
        mayGrowOutput = [Bool](repeating: false, count: engine.outputs.count)
        for output in growth.outputs { mayGrowOutput[output] = true }
        offsetSymbols = [Int](repeating: -1, count: engine.buffers.count)
        for (index, symbol) in engine.symbols.enumerated() {
            if case .offset(let buffer) = symbol.kind { offsetSymbols[buffer] = index }
        }
        targets = [[Target]](repeating: [], count: engine.symbols.count)
        setters = schedule.setters(symbols: engine.symbols.count)
        let symbols = SymbolsOfEntries(engine, expressions)
        addBuffers(growth.buffers, engine, symbols)
        for output in growth.outputs {
            for symbol in symbols[engine.outputs[output].dims] { targets[symbol].append(.output(output)) }
        }
        addRequirements(engine, symbols)
    }

    private mutating func addBuffers(_ buffers: [Int], _ engine: Engine, _ symbols: SymbolsOfEntries) {
        var zoneOfSymbol: [Int: Int] = [:]
        for buffer in buffers where offsetSymbols[buffer] >= 0 {
            let own = symbols[[engine.buffers[buffer].size]]
            guard let last = own.max(by: { setters[$0] < setters[$1] }) else { continue }
            let target: Target
            if setters[last] >= 0, setters[last] < engine.buffers[buffer].firstStep {
                let zone = zoneOfSymbol[last] ?? zones.count
                if zone == zones.count { zones.append(Zone()) }
                zoneOfSymbol[last] = zone
                zones[zone].buffers.append(buffer)
                target = .zone(zone)
            } else {
                target = .single(buffer)
            }
            for symbol in own where !targets[symbol].contains(target) { targets[symbol].append(target) }
        }
        for zone in zones.indices {
            zones[zone].placement = Placement(zones[zone].buffers.map { engine.buffers[$0] })
        }
    }

    /// A requirement is looked at when the last of its symbols is set, in the order of the steps: in a loop, earlier
    /// ones may still have the values of another turn before.
    private mutating func addRequirements(_ engine: Engine, _ symbols: SymbolsOfEntries) {
        for (index, requirement) in engine.requirements.enumerated() {
            let own = symbols[[requirement.left, requirement.right]]
            guard let last = own.max(by: { setters[$0] < setters[$1] }) else { continue }
            targets[last].insert(.requirement(index), at: 0)
        }
    }
}

/// Which symbols set during the run an entry depends on.
private struct SymbolsOfEntries {
    private var symbols: [Int32: [Int]] = [:]

    init(_ engine: Engine, _ expressions: ExpressionTable) {
        var wanted = Set(engine.buffers.map(\.size))
        for output in engine.outputs { wanted.formUnion(output.dims) }
        for requirement in engine.requirements { wanted.formUnion([requirement.left, requirement.right]) }
        for (index, symbol) in engine.symbols.enumerated() where symbol.kind.isSetDuringRun {
            for entry in expressions.dependents(of: index) where wanted.contains(entry) {
                symbols[entry, default: []].append(index)
            }
        }
    }

    /// The symbols of several entries, ascending.
    subscript(entries: [ExprRef]) -> [Int] { Set(entries.flatMap { symbols[$0] ?? [] }).sorted() }
}
