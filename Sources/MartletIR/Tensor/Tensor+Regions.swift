public import MartletCore

extension Tensor {
    /// The results of one of two closures, by a bool scalar.
    ///
    /// A condition known now picks the closure at once. Else both are recorded, as graphs of their own: tensors made
    /// outside may be used inside. Results must agree in number, element type and rank; extents in which they differ
    /// become size symbols.
    ///
    /// - Throws: `type.branches-differ`, and what the closures throw.
    public static func branch(
        _ condition: Tensor, then: () throws -> [Tensor], else otherwise: () throws -> [Tensor]
    ) throws -> [Tensor] {
        guard try condition.type == TensorType(.bool, []) else {
            throw Diagnostic("type.condition", "the condition of a branch must be a bool scalar")
        }
        if let known = try condition.concrete?.ints().first { return try known != 0 ? then() : otherwise() }
        guard let recorder = try Recorder.governing([condition]) else { return [] }
        let firstInner = recorder.symbols.entries.count
        let (first, second) = (recorder.nested(), recorder.nested())
        let left = try first.record(then)
        try first.capture(left)
        try second.capture(first.captures)
        let right = try second.record(otherwise)
        try second.capture(right)
        // Both graphs take the captures of either.
        try first.capture(second.captures)
        let graphs = (try first.finish(numbering: left), try second.finish(numbering: right))
        let operation = try recorder.scoped { scope in
            try If(then: graphs.0, else: graphs.1, in: scope) { $0.number >= firstInner }
        }
        return try recorder.apply(operation, [condition] + second.captures)
    }

    /// What a loop does each turn: from the turn's number (`i64[]`), the states and the slices of the scanned tensors
    /// to the condition for another turn, the next states and the slices to stack.
    public typealias LoopBody = (
        _ turn: Tensor, _ states: [Tensor], _ slices: [Tensor]
    ) throws -> (condition: Tensor?, states: [Tensor], stacked: [Tensor])

    /// Runs a body again and again: while its number of turns is below `trip`, and its condition holds.
    ///
    /// Under a recorder the body is recorded as a graph of its own, in which tensors made outside may be used; it may
    /// be called several times, until the shapes of the states are known. Concrete tensors are computed at once.
    ///
    /// - Parameters:
    ///   - trip: most turns done; negative counts as 0. The extent of the scanned tensors, where there are any.
    ///   - condition: whether to do the first turn. Without it the body's condition counts for nothing.
    ///   - states: values carried from turn to turn; element types and ranks stay, extents may change.
    ///   - scanned: tensors of which each turn gets one slice along axis 0.
    /// - Returns: the final states, and the stacked slices with an axis of the turns done before their own.
    /// - Throws: `type.loop-endless`, `type.loop-state`, and what the body throws.
    public static func loop(
        trip: IntExpr?, condition: Tensor?, states: [Tensor], scanned: [Tensor], body: LoopBody
    ) throws -> (states: [Tensor], stacked: [Tensor]) {
        let operands = (condition.map { [$0] } ?? []) + states + scanned
        for operand in operands { _ = try operand.checked() }
        if let condition, try condition.type != TensorType(.bool, []) {
            throw Diagnostic("type.condition", "the condition of a loop must be a bool scalar")
        }
        let extents = try scanned.map { tensor in
            guard let extent = try tensor.shape.first else {
                throw Diagnostic("type.loop", "a scanned tensor needs an axis to cut")
            }
            return extent
        }
        let bound = trip ?? extents.first
        guard bound != nil || condition != nil else {
            throw Diagnostic("type.loop-endless", "a loop without condition needs a number of turns")
        }
        return try withoutActuallyEscaping(body) { body in
            guard let recorder = try Recorder.governing(operands) else {
                return try EagerLoop(bound, condition, scanned, body).run(states)
            }
            for extent in extents {
                try recorder.require(
                    bound ?? extent, equals: extent, "turns of a loop and axis 0 of a scanned tensor")
            }
            return try LoopRecording(recorder, bound, condition, states, scanned, body).loop()
        }
    }
}

extension Recorder {
    /// Ends the graph of a region, whose outputs need no names of their own.
    func finish(numbering outputs: [Tensor]) throws -> Graph {
        try finish(outputs.enumerated().map { (name: "result\($0.offset)", tensor: $0.element) })
    }
}
