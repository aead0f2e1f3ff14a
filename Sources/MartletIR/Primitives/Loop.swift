public import MartletCore

/// `loop`: evaluates a graph again and again, carrying states, cutting scanned tensors along axis 0, stacking results.
///
/// See `LoopRegion` for operands and results. A turn is done while the number of turns is below `trip`, if there is
/// one, and the condition holds, if there is one. A state keeps its element type and rank; extents that change from
/// turn to turn are size symbols of the body, bound anew each turn, and other symbols in the results.
public struct Loop: Operation {
    public static let name = "loop"
    public let region: LoopRegion
    /// Types of the final states, then of the stacked results.
    public let results: [TensorType]
    /// Size symbols that get their values from the results; each is an extent of one of them, or the number of turns.
    public let sizes: [Symbol]

    /// Makes a loop with known result types.
    public init(_ region: LoopRegion, results: [TensorType], sizes: [Symbol]) {
        self.region = region
        self.results = results
        self.sizes = sizes
    }

    /// Makes a loop whose states keep their shapes and whose slices have shapes known outside of the body.
    public init(_ region: LoopRegion) {
        let states = region.body.inputTypes.dropFirst().prefix(region.stateCount)
        let slices = region.body.outputTypes.suffix(region.stackedCount)
        self.init(
            region,
            results: states + slices.map { TensorType($0.element, [region.turns] + $0.shape) },
            sizes: region.hasCondition ? region.turns.symbols : [])
    }

    public init(_ attributes: AttributeReader) throws {
        let counter = try attributes.symbols("counter")
        guard counter.count == 1 else {
            throw Diagnostic("text.attribute", "the counter of a loop must be one symbol")
        }
        let region = LoopRegion(
            trip: attributes.has("trip") ? try attributes.dim("trip") : nil,
            hasCondition: try attributes.flag("condition"), stateCount: try attributes.int("states"),
            scannedCount: try attributes.int("scanned"), stackedCount: try attributes.int("stacked"),
            body: try attributes.graph("body"), counter: counter[0], turns: try attributes.dim("turns"))
        self.init(region, results: try attributes.types("results"), sizes: try attributes.symbols("sizes"))
    }

    public var attributes: [Attribute] {
        (region.trip.map { [Attribute("trip", .dim($0))] } ?? []) + [
            Attribute("condition", .flag(region.hasCondition)), Attribute("states", .int(region.stateCount)),
            Attribute("scanned", .int(region.scannedCount)), Attribute("stacked", .int(region.stackedCount)),
            Attribute("counter", .dims([IntExpr(region.counter)])), Attribute("turns", .dim(region.turns)),
            Attribute("results", .types(results)), Attribute("sizes", .dims(sizes.map { IntExpr($0) })),
            Attribute("body", .graph(GraphReference(region.body))),
        ]
    }

    public var isInterned: Bool { false }
    public var isFoldable: Bool { false }
    public var hasEffect: Bool { region.body.hasEffect }
    public var regions: [Graph] { [region.body] }
    public var definedSymbols: [Symbol] { sizes }

    public func replacing(regions: [Graph]) throws -> any Operation {
        var region = region
        region.body = regions[0]
        return Loop(region, results: results, sizes: sizes)
    }

    // MARK: Types

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try checkCounts(operands)
        let groups = region.split(operands)
        if let condition = groups.condition, condition != TensorType(.bool, []) {
            throw Diagnostic("type.condition", "the condition of a loop must be a bool scalar")
        }
        let slices = try groups.scanned.map { type in
            guard type.rank > 0, let trip = region.trip else {
                throw Diagnostic("type.loop", "a scanned tensor needs an axis to cut and a number of turns")
            }
            try scope.require(type.shape[0], equals: trip, "turns of a loop and axis 0 of a scanned tensor")
            return TensorType(type.element, Array(type.shape.dropFirst()))
        }
        let varying = region.varyingSymbols(results, sizes)
        try region.body.expectInputs(
            [TensorType(.int64, [])] + groups.states + slices + groups.captures, except: varying, in: scope,
            "the body of a loop")
        try checkOutputs(varying, scope)
        return results
    }

    private func checkCounts(_ operands: [TensorType]) throws {
        let counts = [region.stateCount, region.scannedCount, region.stackedCount]
        let own = (region.hasCondition ? 1 : 0) + region.stateCount + region.scannedCount
        guard counts.allSatisfy({ (0...1 << 20).contains($0) }), operands.count >= own,
            results.count == region.stateCount + region.stackedCount
        else { throw Diagnostic("type.operand-count", "a loop's counts do not fit its operands or results") }
        guard region.trip != nil || region.hasCondition else {
            throw Diagnostic("type.loop-endless", "a loop without condition needs a number of turns")
        }
    }

    private func checkOutputs(_ varying: [Symbol], _ scope: any TypeScope) throws {
        let states = region.body.inputTypes.dropFirst().prefix(region.stateCount)
        let condition = region.hasCondition ? [TensorType(.bool, [])] : []
        for type in results.suffix(region.stackedCount) {
            guard type.rank > 0, type.shape[0] == region.turns else {
                throw Diagnostic("type.loop", "a stacked result must have the number of turns as its first extent")
            }
        }
        let slices = results.suffix(region.stackedCount).map {
            TensorType($0.element, Array($0.shape.dropFirst()))
        }
        try region.body.expectOutputs(
            condition + states + slices, except: varying + sizes, in: scope, "the body of a loop")
    }

    // MARK: Evaluation and form

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let run = try RegionEvaluation.LoopRun(region, operands, results, in: context)
        return try run.run(binding: sizes)
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm { .loop(region) }
}

extension LoopRegion {
    /// Operands by their roles. There must be enough of them.
    func split<T>(_ operands: [T]) -> (condition: T?, states: [T], scanned: [T], captures: [T]) {
        var rest = operands[...]
        let condition = hasCondition ? rest.popFirst() : nil
        let states = rest.prefix(stateCount)
        let scanned = rest.dropFirst(stateCount).prefix(scannedCount)
        return (condition, Array(states), Array(scanned), Array(rest.dropFirst(stateCount + scannedCount)))
    }

    /// The body's symbols for extents of states that change from turn to turn: those that the results have symbols of
    /// their own for.
    func varyingSymbols(_ results: [TensorType], _ sizes: [Symbol]) -> [Symbol] {
        zip(body.inputTypes.dropFirst(), results.prefix(stateCount)).flatMap { inside, outside in
            zip(inside.shape, outside.shape).compactMap { inner, outer in
                guard let size = outer.loneSymbol, sizes.contains(size) else { return nil }
                return inner.loneSymbol
            }
        }
    }
}

extension IntExpr {
    /// The symbol, if the expression is nothing else.
    var loneSymbol: Symbol? {
        guard constant == nil, symbols.count == 1, self == IntExpr(symbols[0]) else { return nil }
        return symbols[0]
    }
}
