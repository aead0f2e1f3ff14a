import MartletCore
import MartletIR
import Testing

@Suite struct BranchTests {
    private func type(_ element: ElementType, _ shape: IntExpr...) -> TensorType { TensorType(element, shape) }

    @Test func capturesTensorsFromOutside() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let c = recorder.input("c", type(.bool))
            let x = recorder.input("x", type(.float32, 3))
            let y = recorder.input("y", type(.float32, 3))
            let two = try Tensor(2, as: .float32)
            let results = try Tensor.branch(c) {
                [x + y, x]
            } else: {
                [y * two, y]
            }
            return try recorder.finish([("r", results[0] + 1), ("s", results[1])])
        }
        try graph.verify()
        let (x, y) = (try HostTensor([Float(1), 2, 3], shape: [3]), try HostTensor([Float(4), 5, 6], shape: [3]))
        let yes = try Interpreter(graph).run([HostTensor(scalar: true), x, y])
        #expect(try yes[0].array(of: Float.self) == [6, 8, 10])
        #expect(try yes[1].array(of: Float.self) == [1, 2, 3])
        let no = try Interpreter(graph).run([HostTensor(scalar: false), x, y])
        #expect(try no[0].array(of: Float.self) == [9, 11, 13])
        #expect(try no[1].array(of: Float.self) == [4, 5, 6])
    }

    @Test func extentsThatDifferBecomeSymbols() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let graph = try recorder.record {
            let c = recorder.input("c", type(.bool))
            let x = recorder.input("x", type(.float32, n, 4))
            let result = try Tensor.branch(c) {
                [try Tensor.concatenate([x, x], axis: 0)]
            } else: {
                [x]
            }[0]
            let shape = try result.shape
            #expect(shape[0].symbols.count == 1 && shape[0] != n)
            #expect(shape[1] == 4)
            return try recorder.finish([("y", try result.reduced(.sum, axes: [0])), ("n", try .dimension(shape[0]))])
        }
        try graph.verify()
        let x = try HostTensor([Float](repeating: 1, count: 8), shape: [2, 4])
        let yes = try Interpreter(graph).run([HostTensor(scalar: true), x])
        #expect(try yes[0].doubles() == [4, 4, 4, 4])
        #expect(try yes[1].ints() == [4])
        #expect(try Interpreter(graph).run([HostTensor(scalar: false), x])[1].ints() == [2])
    }

    @Test func constantConditionPicksAtOnce() throws {
        let recorder = Recorder()
        let x = recorder.input("x", type(.float32, 3))
        let graph = try recorder.record {
            let condition = Tensor(HostTensor(scalar: true))
            let result = try Tensor.branch(condition) {
                [x + x]
            } else: {
                throw Diagnostic("test", "not this one")
            }
            return try recorder.finish([("y", result[0])])
        }
        #expect(graph.nodes.count == 1)
    }

    @Test func conditionThatBecomesKnownDissolvesTheNode() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let c = recorder.input("c", type(.bool))
            let x = recorder.input("x", type(.float32, 3))
            let result = try Tensor.branch(c) {
                [try Tensor.concatenate([x, x], axis: 0)]
            } else: {
                [x]
            }[0]
            return try recorder.finish([("y", try result.reduced(.sum, axes: [0])), ("z", result)])
        }
        let rebuilt = try graph.rebuilt { node, operands, builder in
            guard graph.operation(of: node) is If else { return nil }
            let condition = try builder.add(constant: HostTensor(scalar: true))
            return try builder.add(graph.operation(of: node), [condition] + operands.dropFirst())
        }
        try rebuilt.verify()
        #expect(!rebuilt.operations.contains { $0 is If })
        let x = try HostTensor([Float(1), 2, 3], shape: [3])
        #expect(try Interpreter(rebuilt).run([HostTensor(scalar: true), x])[0].doubles() == [12])
    }

    @Test func branchesMustAgree() throws {
        let recorder = Recorder()
        let c = recorder.input("c", type(.bool))
        let x = recorder.input("x", type(.float32, 3))
        recorder.record {
            #expect(throws: Diagnostic.self) {
                try Tensor.branch(c) {
                    [x]
                } else: {
                    [x, x]
                }
            }
            #expect(throws: Diagnostic.self) {
                try Tensor.branch(c) {
                    [x]
                } else: {
                    [try x.cast(to: .float64)]
                }
            }
            #expect(throws: Diagnostic.self) {
                try Tensor.branch(c) {
                    [x]
                } else: {
                    [try x.reshaped(to: [3, 1])]
                }
            }
            #expect(throws: Diagnostic.self) {
                try Tensor.branch(x) {
                    [x]
                } else: {
                    [x]
                }
            }
        }
    }

    @Test func tensorsOfABranchMustNotEscape() throws {
        let recorder = Recorder()
        let c = recorder.input("c", type(.bool))
        let x = recorder.input("x", type(.float32, 3))
        var escaped: Tensor?
        try recorder.record {
            _ = try Tensor.branch(c) {
                escaped = x + x
                return [x]
            } else: {
                [x]
            }
            let inner = try #require(escaped)
            #expect(throws: Diagnostic.self) { try (inner + x).checked() }
        }
    }

    @Test func nestedBranchesAndFailures() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let c = recorder.input("c", type(.bool))
            let d = recorder.input("d", type(.bool))
            let x = recorder.input("x", type(.int64))
            let result = try Tensor.branch(c) {
                try Tensor.branch(d) {
                    [x + x]
                } else: {
                    [x * x]
                }
            } else: {
                try Tensor.apply(Fail(Diagnostic("test.fail", "unreachable"), results: [x.type]), [])
            }
            return try recorder.finish([("y", result[0])])
        }
        try graph.verify()
        func run(_ c: Bool, _ d: Bool) throws -> [Int64] {
            try Interpreter(graph).run([HostTensor(scalar: c), HostTensor(scalar: d), HostTensor(scalar: Int64(5))])[0]
                .ints()
        }
        #expect(try run(true, true) == [10])
        #expect(try run(true, false) == [25])
        let error = #expect(throws: Diagnostic.self) { try run(false, true) }
        #expect(error?.code == "test.fail")
    }
}

@Suite struct LoopTests {
    private func type(_ element: ElementType, _ shape: IntExpr...) -> TensorType { TensorType(element, shape) }

    @Test func scanWithStateCaptureAndStack() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let graph = try recorder.record {
            let x = recorder.input("x", type(.float32, n, 2))
            let scale = recorder.input("scale", type(.float32, 2))
            let zero = try Tensor(0, as: .float32).expanded(to: [2])
            let loop = try Tensor.loop(trip: nil, condition: nil, states: [zero], scanned: [x]) {
                turn, states, slices in
                let next = states[0] + slices[0] * scale
                let number = try turn.cast(to: .float32)
                return (nil, [next], [next + number])
            }
            #expect(try loop.stacked[0].shape == [n, 2])
            return try recorder.finish([("last", loop.states[0]), ("all", loop.stacked[0])])
        }
        try graph.verify()
        let x = try HostTensor([Float(1), 2, 3, 4, 5, 6], shape: [3, 2])
        let scale = try HostTensor([Float(1), 10], shape: [2])
        let results = try Interpreter(graph).run([x, scale])
        #expect(try results[0].doubles() == [9, 120])
        #expect(try results[1].doubles() == [1, 20, 5, 61, 11, 122])
        let empty = try Interpreter(graph).run([try HostTensor(zeros: .float32, shape: [0, 2]), scale])
        #expect(empty[1].shape == [0, 2])
    }

    /// Doubles x until it reaches the limit; counts turns through a stacked result.
    private func doubling(_ recorder: Recorder, trip: IntExpr?) throws -> Graph {
        try recorder.record {
            let x = recorder.input("x", type(.int64))
            let limit = recorder.input("limit", type(.int64))
            let loop = try Tensor.loop(
                trip: trip, condition: try x.compared(.lt, limit), states: [x], scanned: []
            ) { _, states, _ in
                let next = states[0] + states[0]
                return (try next.compared(.lt, limit), [next], [next])
            }
            let turns = try Tensor.dimension(try loop.stacked[0].shape[0])
            return try recorder.finish([("x", loop.states[0]), ("all", loop.stacked[0]), ("turns", turns)])
        }
    }

    @Test func conditionEndsTheLoop() throws {
        let graph = try doubling(Recorder(), trip: nil)
        try graph.verify()
        let results = try Interpreter(graph).run([HostTensor(scalar: Int64(3)), HostTensor(scalar: Int64(40))])
        #expect(try results[0].ints() == [48])
        #expect(try results[1].ints() == [6, 12, 24, 48])
        #expect(try results[2].ints() == [4])
        let none = try Interpreter(graph).run([HostTensor(scalar: Int64(50)), HostTensor(scalar: Int64(40))])
        #expect(try none[0].ints() == [50])
        #expect(none[1].shape == [0])
        #expect(try none[2].ints() == [0])
    }

    @Test func tripLimitsAConditionalLoop() throws {
        let graph = try doubling(Recorder(), trip: 2)
        try graph.verify()
        let results = try Interpreter(graph).run([HostTensor(scalar: Int64(3)), HostTensor(scalar: Int64(40))])
        #expect(try results[1].ints() == [6, 12])
    }

    @Test func statesMayGrow() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n", lower: 1))
        let m = IntExpr(recorder.symbol("m"))
        let graph = try recorder.record {
            let x = recorder.input("x", type(.float32, n))
            let turns = recorder.input("turns", type(.float32, m))
            let loop = try Tensor.loop(trip: turns.shape[0], condition: nil, states: [x], scanned: []) { _, states, _ in
                (nil, [try Tensor.concatenate([states[0], x], axis: 0)], [try states[0].reduced(.sum, axes: [0])])
            }
            let size = try Tensor.dimension(try loop.states[0].shape[0])
            return try recorder.finish([("y", loop.states[0]), ("sums", loop.stacked[0]), ("size", size)])
        }
        try graph.verify()
        let x = try HostTensor([Float(1), 2], shape: [2])
        let results = try Interpreter(graph).run([x, try HostTensor(zeros: .float32, shape: [3])])
        #expect(try results[0].doubles() == [1, 2, 1, 2, 1, 2, 1, 2])
        #expect(try results[1].doubles() == [3, 6, 9])
        #expect(try results[2].ints() == [8])
        let none = try Interpreter(graph).run([x, try HostTensor(zeros: .float32, shape: [0])])
        #expect(try none[0].doubles() == [1, 2])
        #expect(none[1].shape == [0])
    }

    @Test func counterIsASize() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let x = recorder.input("x", type(.float32, 4, 2))
            let zero = try Tensor(0, as: .float32).expanded(to: [2])
            let loop = try Tensor.loop(trip: 4, condition: nil, states: [zero], scanned: []) { turn, states, _ in
                let row = try #require(turn.symbolicValues)[0]
                return (
                    nil, [states[0] + (try x.sliced(start: [3 - row, 0], size: [1, 2]).reshaped(to: [2]))], [states[0]]
                )
            }
            return try recorder.finish([("y", loop.stacked[0])])
        }
        try graph.verify()
        let x = try HostTensor([Float(1), 2, 3, 4, 5, 6, 7, 8], shape: [4, 2])
        #expect(try Interpreter(graph).run([x])[0].doubles() == [0, 0, 7, 8, 12, 14, 15, 18])
    }

    @Test func sizesBoundInsideAreForgottenOutside() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let counts = recorder.input("counts", type(.int64, 3))
            let loop = try Tensor.loop(trip: nil, condition: nil, states: [], scanned: [counts]) { _, _, slices in
                let size = try #require(Recorder.current).bind(slices[0], "k", lower: 0, upper: 100)
                return (nil, [], [try Tensor.iota(shape: [size], axis: 0)])
            }
            return try recorder.finish([("y", loop.stacked[0])])
        }
        try graph.verify()
        let same = try HostTensor([Int64(2), 2, 2], shape: [3])
        #expect(try Interpreter(graph).run([same])[0].ints() == [0, 1, 0, 1, 0, 1])
        let differing = try HostTensor([Int64(2), 3, 2], shape: [3])
        #expect(throws: Diagnostic.self) { try Interpreter(graph).run([differing]) }
    }

    @Test func loopsInLoops() throws {
        let recorder = Recorder()
        let graph = try recorder.record {
            let x = recorder.input("x", type(.int64, 3, 2))
            let factor = recorder.input("factor", type(.int64))
            let zero = Tensor(HostTensor(scalar: Int64(0)))
            let outer = try Tensor.loop(trip: nil, condition: nil, states: [zero], scanned: [x]) { _, states, rows in
                let inner = try Tensor.loop(trip: nil, condition: nil, states: [zero], scanned: [rows[0]]) {
                    _, sums, parts in
                    (nil, [sums[0] + parts[0] * factor], [])
                }
                return (nil, [states[0] + inner.states[0]], [inner.states[0]])
            }
            return try recorder.finish([("sum", outer.states[0]), ("rows", outer.stacked[0])])
        }
        try graph.verify()
        let x = try HostTensor([Int64(1), 2, 3, 4, 5, 6], shape: [3, 2])
        for graph in [graph, try graph.rebuilt { _, _, _ in nil }, try Graph(text: graph.text)] {
            let results = try Interpreter(graph).run([x, HostTensor(scalar: Int64(10))])
            #expect(try results[0].ints() == [210])
            #expect(try results[1].ints() == [30, 70, 110])
        }
    }

    @Test func eagerLoopsComputeAtOnce() throws {
        let x = Tensor(try HostTensor([Float(1), 2, 3], shape: [3]))
        let zero = try Tensor(0, as: .float32)
        let loop = try Tensor.loop(trip: nil, condition: nil, states: [zero], scanned: [x]) { _, states, slices in
            (nil, [states[0] + slices[0]], [states[0]])
        }
        #expect(try loop.states[0].concrete?.doubles() == [6])
        #expect(try loop.stacked[0].concrete?.doubles() == [0, 1, 3])
        let none = try Tensor.loop(trip: -3, condition: nil, states: [zero], scanned: []) { turn, states, _ in
            (nil, states, [turn, try states[0].expanded(to: [2])])
        }
        #expect(none.stacked.map { $0.concrete?.shape } == [[0], [0, 2]])
        let start = Tensor(HostTensor(scalar: true))
        let counted = try Tensor.loop(trip: nil, condition: start, states: [zero], scanned: []) { _, states, _ in
            let next = states[0] + 1
            return (try next.compared(.lt, try Tensor(5, as: .float32)), [next], [])
        }
        #expect(try counted.states[0].concrete?.doubles() == [5])
    }

    @Test func mistakesAreErrors() throws {
        let recorder = Recorder()
        try recorder.record {
            let x = recorder.input("x", type(.float32, 3))
            #expect(throws: Diagnostic.self) {
                try Tensor.loop(trip: nil, condition: nil, states: [x], scanned: []) { _, s, _ in (nil, s, []) }
            }
            #expect(throws: Diagnostic.self) {
                try Tensor.loop(trip: 3, condition: nil, states: [x], scanned: []) { _, _, _ in (nil, [], []) }
            }
            #expect(throws: Diagnostic.self) {
                try Tensor.loop(trip: 3, condition: nil, states: [x], scanned: []) { _, s, _ in
                    (nil, [try s[0].cast(to: .int32)], [])
                }
            }
            #expect(throws: Diagnostic.self) {
                try Tensor.loop(trip: 4, condition: nil, states: [], scanned: [x]) { _, _, _ in (nil, [], []) }
            }
            let c = try x.reduced(.sum, axes: [0]).compared(.lt, try Tensor(5, as: .float32))
            #expect(throws: Diagnostic.self) {
                try Tensor.loop(trip: nil, condition: c, states: [], scanned: []) { _, _, _ in (nil, [], []) }
            }
        }
    }
}
