import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite(.enabled(if: LoweringSupport.isAvailable))
struct LoopLoweringTests {
    private func graph(_ recorder: Recorder, _ outputs: [Tensor]) throws -> Graph {
        try recorder.finish(outputs.enumerated().map { (name: "y\($0.offset)", tensor: $0.element) })
    }

    @Test func statesSlicesAndStacks() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [5, 3, 4]))
        let start = recorder.input("start", TensorType(.float32, [3, 4]))
        let bias = recorder.input("bias", TensorType(.float32, [4]))
        let results = try recorder.record {
            try Tensor.loop(trip: 5, condition: nil, states: [start, start], scanned: [x]) { turn, states, slices in
                let next = states[0] * slices[0] + bias
                let number = try turn.cast(to: .float32)
                // The second state becomes the first of the turn before: both are read before either is written.
                return (nil, [next, states[0]], [next, states[1] + number])
            }
        }
        var random = SplitMix64(seed: 10)
        try LoweringSupport.expectEqual(
            try graph(recorder, results.states + results.stacked),
            [
                try random.tensor(.float32, [5, 3, 4], special: false), try random.tensor(.float32, [3, 4]),
                try random.tensor(.float32, [4]),
            ])
    }

    @Test func conditionEndsEarly() throws {
        let recorder = Recorder()
        let limit = recorder.input("limit", TensorType(.int64, []))
        let goes = recorder.input("goes", TensorType(.bool, []))
        let results = try recorder.record {
            try Tensor.loop(
                trip: 10, condition: goes, states: [Tensor(HostTensor(scalar: Int64(1)))], scanned: []
            ) { turn, states, _ in
                let next = states[0] + states[0] + turn
                return (try next.compared(.lt, limit), [next], [next * next])
            }
        }
        let after = try recorder.record { [try (results.stacked[0] + results.states[0]).reduced(.sum, axes: [0])] }
        let graph = try graph(recorder, results.states + results.stacked + after)
        for (limit, goes) in [(0, true), (30, true), (30, false), (100_000, true)] {
            try LoweringSupport.expectEqual(
                graph,
                [HostTensor(scalar: Int64(limit)), try HostTensor.fromInts([goes ? 1 : 0], as: .bool, shape: [])])
        }
    }

    @Test func symbolicTrip() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let x = recorder.input("x", TensorType(.float32, [n, 6]))
        let start = recorder.input("start", TensorType(.float32, [6]))
        let results = try recorder.record {
            try Tensor.loop(trip: nil, condition: nil, states: [start], scanned: [x]) { _, states, slices in
                let next = states[0] + slices[0]
                return (nil, [next], [try next.reduced(.max, axes: [0])])
            }
        }
        let after = try recorder.record { [try results.stacked[0] + results.states[0].reduced(.sum, axes: [0])] }
        let graph = try graph(recorder, results.states + results.stacked + after)
        var random = SplitMix64(seed: 11)
        for extent in [0, 1, 13] {
            try LoweringSupport.expectEqual(
                graph, [try integers(&random, [extent, 6]), try integers(&random, [6])])
        }
    }

    /// Small integers as floats, whose sums are exact in any order.
    private func integers(_ random: inout SplitMix64, _ shape: [Int]) throws -> HostTensor {
        let count = shape.reduce(1, *)
        let values = (0..<count).map { _ in Double(random.int(-9...9)) }
        return try HostTensor.fromDoubles(values, as: .float32, shape: shape)
    }

    @Test func nestedLoopsAndSequentialSteps() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [4, 3, 5]))
        let results = try recorder.record {
            let zero = try Tensor(0.0, as: .float32).broadcast(to: [5], axes: [])
            return try Tensor.loop(trip: 4, condition: nil, states: [zero], scanned: [x]) { _, outer, rows in
                let inner = try Tensor.loop(
                    trip: 3, condition: nil, states: outer, scanned: [rows[0]]
                ) { turn, states, slices in
                    let sorted = try (states[0] + slices[0]).sorted(axis: 0)
                    return (nil, [try sorted.values + turn.cast(to: .float32)], [sorted.indices])
                }
                let running = try inner.states[0].cumulated(.sum, axis: 0)
                return (nil, [running], [try inner.stacked[0].reduced(.sum, axes: [0])])
            }
        }
        var random = SplitMix64(seed: 12)
        try LoweringSupport.expectEqual(
            try graph(recorder, results.states + results.stacked), [try integers(&random, [4, 3, 5])])
    }

    @Test func constantsCapturesAndPassedStates() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [6]))
        let table = Tensor(try HostTensor.fromDoubles((0..<18).map(Double.init), as: .float32, shape: [3, 6]))
        let results = try recorder.record {
            let doubled = x + x
            return try Tensor.loop(
                trip: 3, condition: nil, states: [x, doubled, x], scanned: [table]
            ) { _, states, slices in
                (nil, [states[0] + slices[0] * doubled, states[1], states[0]], [states[1], slices[0]])
            }
        }
        var random = SplitMix64(seed: 13)
        try LoweringSupport.expectEqual(
            try graph(recorder, results.states + results.stacked), [try integers(&random, [6])])
    }
}
