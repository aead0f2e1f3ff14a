import MartletCompiler
import MartletCore
import MartletEngine
import MartletIR
import MartletRuntime
import Testing

/// Values whose size is known only during the run and has no bound.
@Suite(.enabled(if: LoweringSupport.isAvailable))
struct GrowthLoweringTests {
    private func graph(_ recorder: Recorder, _ outputs: [Tensor]) throws -> Graph {
        try recorder.finish(outputs.enumerated().map { (name: "y\($0.offset)", tensor: $0.element) })
    }

    private func scalar(_ value: Int) -> HostTensor { HostTensor(scalar: Int64(value)) }

    /// Positions at which a vector is not 0.
    private func positions(_ x: Tensor, _ recorder: Recorder) throws -> Tensor {
        let mask = try x.compared(.ne, Tensor(0, as: .float32))
        let ones = try mask.cast(to: .int64)
        let count = try recorder.bind(try ones.reduced(.sum, axes: [0]), "count")
        let one = Tensor(HostTensor(scalar: Int64(1)))
        let places = try Tensor.select(mask, ones.cumulated(.sum, axis: 0) - one, Tensor(HostTensor(scalar: Int64(-1))))
        let zeros = try Tensor(HostTensor(scalar: Int64(0))).broadcast(to: [count], axes: [])
        return try zeros.scattered(
            [places], updates: .iota(shape: try x.shape, axis: 0), axes: [0], mode: .set, checked: false)
    }

    @Test func sizesThatDependOnData() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let x = recorder.input("x", TensorType(.float32, [n]))
        let outputs = try recorder.record {
            let places = try positions(x, recorder)
            let values = try x.gathered([places], axes: [0], mode: .check)
            let running = try (values + values).cumulated(.sum, axis: 0)
            let sorted = try running.sorted(axis: 0, descending: true)
            return [places, sorted.values, sorted.indices, try running.reduced(.max, axes: [0])]
        }
        let graph = try graph(recorder, outputs)
        for count in [0, 1, 9, 2000, 30] {
            let values = (0..<count).map { Double($0 * 7 % 5 - 2) }
            try LoweringSupport.expectEqual(graph, [try HostTensor.fromDoubles(values, as: .float32, shape: [count])])
        }
    }

    @Test func sizesThatAreInputs() throws {
        let recorder = Recorder()
        let limit = recorder.input("limit", TensorType(.int64, []))
        let outputs = try recorder.record {
            let count = try recorder.bind(limit, "limit")
            let range = try Tensor.iota(shape: [count], axis: 0, type: .float32)
            let square = try range.broadcast(to: [count, 5], axes: [0])
            return [range, try (square * square).reduced(.sum, axes: [1]), try square.transposed([1, 0])]
        }
        let graph = try graph(recorder, outputs)
        for count in [0, 3, 1000] { try LoweringSupport.expectEqual(graph, [scalar(count)]) }
        #expect(throws: Diagnostic.self) { try LoweringSupport.run(graph, [scalar(-1)]) }
        let huge = #expect(throws: Diagnostic.self) { try LoweringSupport.run(graph, [scalar(1 << 60)]) }
        #expect(huge?.code == "run.out-of-memory" || huge?.code == "run.size")
    }

    @Test func turnsThatAreAnInput() throws {
        let recorder = Recorder()
        let trip = recorder.input("trip", TensorType(.int64, []))
        let limit = recorder.input("limit", TensorType(.int64, []))
        let outputs = try recorder.record {
            let turns = try recorder.bind(trip, "trip", lower: 0)
            let yes = try trip.compared(.ge, trip)
            let start = Tensor(HostTensor(scalar: Int64(1)))
            return try [nil, yes].flatMap { condition in
                let results = try Tensor.loop(trip: turns, condition: condition, states: [start], scanned: []) {
                    turn, states, _ in
                    let next = states[0] + turn
                    let goesOn = condition == nil ? nil : try next.compared(.lt, limit)
                    return (goesOn, [next], [try next.broadcast(to: [3], axes: []), next])
                }
                return results.states + results.stacked + [try results.stacked[1].reduced(.sum, axes: [0])]
            }
        }
        let graph = try graph(recorder, outputs)
        for (trip, limit) in [(0, 50), (1, 50), (7, 50), (400, 50), (3000, 1 << 40), (5, 0)] {
            try LoweringSupport.expectEqual(graph, [scalar(trip), scalar(limit)])
        }
    }

    @Test func statesThatGrow() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.int64, [2]))
        let trip = recorder.input("trip", TensorType(.int64, []))
        let outputs = try recorder.record {
            let turns = try recorder.bind(trip, "trip", lower: 0)
            let results = try Tensor.loop(trip: turns, condition: nil, states: [x, x], scanned: []) { turn, states, _ in
                let longer = try Tensor.concatenate([states[0] + turn, states[1] * turn, x], axis: 0)
                let shorter = try states[0].sliced(start: [0], size: [1], step: [1])
                // The states change their extents and places: both are read before either is written.
                let sum = try longer.reduced(.sum, axes: [0])
                return (nil, [longer, try Tensor.concatenate([shorter, x], axis: 0)], [sum])
            }
            return results.states + results.stacked + [try results.states[0].reduced(.sum, axes: [0])]
        }
        let graph = try graph(recorder, outputs)
        let start = try HostTensor([1, -2] as [Int64], shape: [2])
        for trip in [0, 1, 2, 5, 300] { try LoweringSupport.expectEqual(graph, [start, scalar(trip)]) }
    }

    /// The slices' extent is read in each turn; where a turn has another than the first, the run fails.
    @Test func slicesOfExtentsThatTurnsDecide() throws {
        let recorder = Recorder()
        let sizes = recorder.input("sizes", TensorType(.int64, [IntExpr(recorder.symbol("n"))]))
        let outputs = try recorder.record {
            let results = try Tensor.loop(trip: nil, condition: nil, states: [], scanned: [sizes]) { turn, _, slices in
                let size = try recorder.bindInside(slices[0])
                let range = try Tensor.iota(shape: [size], axis: 0, type: .int64)
                return (nil, [], [range + turn, try range.broadcast(to: [2, size], axes: [1])])
            }
            return results.stacked + [try results.stacked[0].reduced(.sum, axes: [0])]
        }
        let graph = try graph(recorder, outputs)
        for values in [[], [3], [3, 3, 3], [Int64](repeating: 7, count: 100)] as [[Int64]] {
            try LoweringSupport.expectEqual(graph, [try HostTensor(values, shape: [values.count])])
        }
        let error = #expect(throws: Diagnostic.self) {
            try LoweringSupport.run(graph, [try HostTensor([3, 3, 2] as [Int64], shape: [3])])
        }
        #expect(error?.code == "run.sizes-differ")
    }

    @Test func loopsInLoops() throws {
        let recorder = Recorder()
        let trip = recorder.input("trip", TensorType(.int64, []))
        let outputs = try recorder.record {
            let turns = try recorder.bind(trip, "trip", lower: 0)
            let empty = Tensor(try HostTensor(zeros: .int64, shape: [0]))
            let results = try Tensor.loop(trip: turns, condition: nil, states: [empty], scanned: []) {
                turn, states, _ in
                let inner = try recorder.bindInside(turn)
                let rows = try Tensor.loop(trip: inner, condition: nil, states: [turn], scanned: []) {
                    number, sums, _ in
                    (nil, [sums[0] + number], [sums[0]])
                }
                return (nil, [try Tensor.concatenate([states[0], rows.stacked[0]], axis: 0)], [rows.states[0]])
            }
            return results.states + results.stacked
        }
        let graph = try graph(recorder, outputs)
        for trip in [0, 1, 2, 30] { try LoweringSupport.expectEqual(graph, [scalar(trip)]) }
    }

    @Test func sidesOfABranchDecideExtents() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [6]))
        let flag = recorder.input("flag", TensorType(.bool, []))
        let outputs = try recorder.record {
            let results = try Tensor.branch(flag) {
                [try x.gathered([try positions(x, try #require(Recorder.current))], axes: [0], mode: .check), x + x]
            } else: {
                [try Tensor.concatenate([x, x], axis: 0), x]
            }
            return results + [results[0] * results[0]]
        }
        let graph = try graph(recorder, outputs)
        let x6 = try HostTensor.fromDoubles([0, 1, 2, 0, 3, 0], as: .float32, shape: [6])
        for flag in [0, 1] {
            try LoweringSupport.expectEqual(graph, [x6, try HostTensor.fromInts([Int64(flag)], as: .bool, shape: [])])
        }
    }

    @Test func sizesThatMustAgree() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let x = recorder.input("x", TensorType(.float32, [n]))
        let m = IntExpr(recorder.symbol("m"))
        let z = recorder.input("z", TensorType(.float32, [m]))
        let outputs = try recorder.record {
            let places = try positions(x, recorder)
            let gathered = try x.gathered([places], axes: [0], mode: .check)
            return [x + z, gathered + z]
        }
        let graph = try graph(recorder, outputs)
        func ones(_ count: Int) throws -> HostTensor {
            try HostTensor.fromDoubles(.init(repeating: 1, count: count), as: .float32, shape: [count])
        }
        try LoweringSupport.expectEqual(graph, [try ones(3), try ones(3)])
        try LoweringSupport.expectEqual(graph, [try ones(3), try ones(1)])
        for (left, right) in [(3, 4), (2, 3)] {
            let error = #expect(throws: Diagnostic.self) { try LoweringSupport.run(graph, [ones(left), ones(right)]) }
            #expect(error?.code == "run.sizes-differ")
        }
        let sparse = try HostTensor.fromDoubles([1, 0, 1], as: .float32, shape: [3])
        let error = #expect(throws: Diagnostic.self) { try LoweringSupport.run(graph, [sparse, ones(3)]) }
        #expect(error?.code == "run.sizes-differ")
    }
}

extension Recorder {
    /// A value of the innermost recording as a size.
    fileprivate func bindInside(_ tensor: Tensor) throws -> IntExpr {
        try (Recorder.current ?? self).bind(tensor, "inner", lower: 0)
    }
}
