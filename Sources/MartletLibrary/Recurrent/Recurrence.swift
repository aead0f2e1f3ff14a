import MartletCore
import MartletIR

/// One direction of a recurrent layer: steps over axis 0 of an input (time, batch, …).
struct Recurrence {
    /// Numbers of steps that count for each sequence, `i32[batch]` or `i64[batch]`; all if nil.
    let lengths: Tensor?
    /// Whether steps go from the last to the first.
    let isReversed: Bool

    /// Runs the steps.
    ///
    /// - Parameter step: from the input of a step and the states (batch, …) to the next states.
    /// - Returns: the first state behind each step, 0 behind a sequence's end, and the final states.
    func run(
        _ input: Tensor, _ states: [Tensor], step: (Tensor, [Tensor]) throws -> [Tensor]
    ) throws -> (stacked: Tensor, states: [Tensor]) {
        let time = Sizes.simplified(try input.shape[0])
        let ordered = try reordered(input, time)
        let result: (stacked: Tensor, states: [Tensor])
        if time == 1 {
            let slice = try ordered.squeezed(axes: [0])
            let next = try counted(.init(HostTensor(scalar: Int64(0))), states, try step(slice, states))
            result = (try next.output.unsqueezed(axes: [0]), next.states)
        } else {
            let loop = try Tensor.loop(trip: time, condition: nil, states: states, scanned: [ordered]) {
                turn, states, slices in
                let next = try counted(turn, states, try step(slices[0], states))
                return (nil, next.states, [next.output])
            }
            result = (loop.stacked[0], loop.states)
        }
        return (try reordered(result.stacked, time), result.states)
    }

    /// States and output of a turn: sequences that have ended keep their states and give 0.
    private func counted(_ turn: Tensor, _ old: [Tensor], _ new: [Tensor]) throws -> (states: [Tensor], output: Tensor)
    {
        guard let lengths else { return (new, new[0]) }
        let isOn = try turn.cast(to: lengths.element).compared(.lt, lengths)
        func choose(_ a: Tensor, _ b: Tensor) throws -> Tensor {
            try Tensor.select(isOn.broadcast(to: a.shape, axes: [0]), a, b)
        }
        return (try zip(new, old).map { try choose($0, $1) }, try choose(new[0], .constant(0, like: new[0])))
    }

    /// The steps in the order of the direction; each sequence turned round within its length. The same again undoes it.
    private func reordered(_ x: Tensor, _ time: IntExpr) throws -> Tensor {
        if !isReversed || time == 1 { return x }
        guard let lengths else { return try x.sliced(axis: 0, start: time - 1, size: time, step: -1) }
        let batch = try x.shape[1]
        let steps = try Tensor.iota(shape: [time, batch], axis: 0)
        let ends = try lengths.cast(to: .int64).broadcast(to: [time, batch], axes: [1])
        let turned = try Tensor.select(steps.compared(.lt, ends), ends - steps - 1, steps)
        return try x.gathered([turned, .iota(shape: [time, batch], axis: 1)], axes: [0, 1], mode: .check)
    }
}
