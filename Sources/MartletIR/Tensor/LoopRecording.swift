import MartletCore

/// Records the body of a loop, again until the types of the states are those that every turn has.
struct LoopRecording {
    private let recorder: Recorder
    private let trip: IntExpr?
    private let condition: Tensor?
    private let states: [Tensor]
    private let scanned: [Tensor]
    private let body: Tensor.LoopBody
    /// Symbols from this number on are made inside.
    private let firstInner: Int
    /// Types of the states inside, with symbols for extents that change.
    private var stateTypes: [TensorType]
    /// Those symbols.
    private var varying: Set<Symbol> = []

    /// One recording of the body.
    private struct Turn {
        let nested: Recorder
        let counter: Symbol
        let condition: Tensor?
        let states: [Tensor]
        let stacked: [Tensor]
    }

    init(
        _ recorder: Recorder, _ trip: IntExpr?, _ condition: Tensor?, _ states: [Tensor], _ scanned: [Tensor],
        _ body: @escaping Tensor.LoopBody
    ) throws {
        self.recorder = recorder
        self.trip = trip.map { recorder.simplify(.max(0, $0)) }
        (self.condition, self.states, self.scanned, self.body) = (condition, states, scanned, body)
        firstInner = recorder.symbols.entries.count
        stateTypes = try states.map { try $0.type }
    }

    /// Records the loop and gives its results.
    func loop() throws -> (states: [Tensor], stacked: [Tensor]) {
        var recording = self
        var turn = try recording.record()
        // Each round makes at least one more extent a symbol, so this ends.
        while try recording.widen(to: turn.states) { turn = try recording.record() }
        return try recording.apply(turn)
    }

    private func record() throws -> Turn {
        let nested = recorder.nested()
        let counter = nested.symbol("turn", upper: trip.map { .max($0 - 1, 0) })
        let number = nested.input("turn", TensorType(.int64, []))
        nested.assume(number, is: [IntExpr(counter)])
        let inside = stateTypes.enumerated().map { nested.input("state\($0.offset)", $0.element) }
        let slices = try scanned.enumerated().map { index, tensor in
            let type = try tensor.type
            return nested.input("slice\(index)", TensorType(type.element, Array(type.shape.dropFirst())))
        }
        let results = try nested.record { try body(number, inside, slices) }
        guard condition == nil || results.condition != nil else {
            throw Diagnostic("type.condition", "the body of a loop with a condition must give one")
        }
        let turn = Turn(
            nested: nested, counter: counter, condition: condition == nil ? nil : results.condition,
            states: results.states, stacked: results.stacked)
        try nested.capture((turn.condition.map { [$0] } ?? []) + turn.states + turn.stacked)
        return turn
    }

    /// Makes symbols of the extents that a turn changed; whether there were any.
    private mutating func widen(to next: [Tensor]) throws -> Bool {
        guard next.count == stateTypes.count else {
            throw Diagnostic("type.loop-state", "a loop of \(stateTypes.count) states gives \(next.count)")
        }
        let ranges = recorder.symbols.ranges
        var changed = false
        for (index, tensor) in next.enumerated() {
            let (type, old) = (try tensor.type, stateTypes[index])
            guard type.element == old.element, type.rank == old.rank else {
                let name = recorder.symbols.name(of:)
                throw Diagnostic(
                    "type.loop-state", "state \(index) of a loop is \(old.text(name)) and then \(type.text(name))")
            }
            let shape = zip(old.shape, type.shape).map { before, after in
                if let symbol = before.loneSymbol, varying.contains(symbol) { return before }
                if before.isEqual(to: after, ranges) == .yes { return before }
                changed = true
                let symbol = recorder.symbol("extent")
                varying.insert(symbol)
                return IntExpr(symbol)
            }
            stateTypes[index] = TensorType(old.element, shape)
        }
        return changed
    }

    private func apply(_ turn: Turn) throws -> (states: [Tensor], stacked: [Tensor]) {
        let outputs = (turn.condition.map { [$0] } ?? []) + turn.states + turn.stacked
        let graph = try turn.nested.finish(numbering: outputs)
        var turns = trip ?? 0
        var sizes: [Symbol] = []
        if condition != nil {
            sizes = [recorder.symbol("turns", upper: trip.map { .max($0, 0) })]
            turns = IntExpr(sizes[0])
        }
        let slices = try turn.stacked.map { try $0.type }
        let stacked = outside(slices, &sizes).map { TensorType($0.element, [turns] + $0.shape) }
        let region = LoopRegion(
            trip: trip, hasCondition: condition != nil, stateCount: states.count, scannedCount: scanned.count,
            stackedCount: turn.stacked.count, body: graph, counter: turn.counter, turns: turns)
        let operation = Loop(region, results: outside(stateTypes, &sizes) + stacked, sizes: sizes)
        let operands = (condition.map { [$0] } ?? []) + states + scanned + turn.nested.captures
        let results = try recorder.apply(operation, operands)
        return (Array(results.prefix(states.count)), Array(results.dropFirst(states.count)))
    }

    /// Types as they are known outside: fresh symbols for extents that mention what is known inside only.
    private func outside(_ types: [TensorType], _ sizes: inout [Symbol]) -> [TensorType] {
        types.map { type in
            TensorType(
                type.element,
                type.shape.map { extent in
                    guard extent.symbols.contains(where: { $0.number >= firstInner }) else { return extent }
                    sizes.append(recorder.symbol("size"))
                    return IntExpr(sizes[sizes.count - 1])
                })
        }
    }
}

/// A loop over concrete tensors.
struct EagerLoop {
    private let trip: Int?
    private let condition: Tensor?
    private let scanned: [HostTensor]
    private let body: Tensor.LoopBody

    init(_ trip: IntExpr?, _ condition: Tensor?, _ scanned: [Tensor], _ body: @escaping Tensor.LoopBody) throws {
        self.trip = try trip.map { max(0, try ConstantContext().value(of: $0)) }
        (self.condition, self.body) = (condition, body)
        self.scanned = scanned.compactMap(\.concrete)
        if let other = self.scanned.first(where: { $0.shape.first != self.trip }) {
            throw Diagnostic(
                "type.sizes-differ", "a scanned tensor of shape \(other.shape) for \(self.trip ?? 0) turns")
        }
    }

    func run(_ initial: [Tensor]) throws -> (states: [Tensor], stacked: [Tensor]) {
        var states = initial
        var stacked: [[HostTensor]] = []
        var turn = 0
        var goesOn = try condition.map(holds) ?? true
        while goesOn, turn < trip ?? .max {
            let slices = try scanned.map { Tensor(try RegionEvaluation.slice($0, at: turn)) }
            let results = try body(Tensor(HostTensor(scalar: Int64(turn))), states, slices)
            if condition != nil, let next = results.condition { goesOn = try holds(next) }
            states = results.states
            if turn == 0 { stacked = results.stacked.map { _ in [] } }
            for (index, slice) in results.stacked.enumerated() where index < stacked.count {
                stacked[index].append(try concrete(slice))
            }
            turn += 1
        }
        if turn == 0 { return (states, try emptyResults(initial)) }
        let results = try stacked.map { slices in
            Tensor(try RegionEvaluation.stack(slices, slices[0].type, emptyShape: []))
        }
        return (states, results)
    }

    private func holds(_ condition: Tensor) throws -> Bool { try concrete(condition).ints().first == 1 }

    private func concrete(_ tensor: Tensor) throws -> HostTensor {
        guard let value = try tensor.checked().concrete else {
            throw Diagnostic("tensor.recorder", "the body of a loop over concrete tensors gives a recorded one")
        }
        return value
    }

    /// Without a turn the types of the stacked results are those that a recording of the body has.
    private func emptyResults(_ states: [Tensor]) throws -> [Tensor] {
        let recorder = Recorder()
        let inside = try states.enumerated().map { recorder.input("state\($0.offset)", try $0.element.type) }
        let slices = scanned.enumerated().map { index, tensor in
            let shape = tensor.shape.dropFirst().map { IntExpr($0) }
            return recorder.input("slice\(index)", TensorType(tensor.type, shape))
        }
        let turn = recorder.input("turn", TensorType(.int64, []))
        let results = try recorder.record { try body(turn, inside, slices) }
        return try results.stacked.map { slice in
            let type = try slice.type
            return Tensor(try HostTensor(zeros: type.element, shape: [0] + type.shape.map { $0.constant ?? 0 }))
        }
    }
}
