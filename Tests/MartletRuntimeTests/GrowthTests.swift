import MartletCore
import MartletEngine
import TestSupport
import Testing

@testable import MartletRuntime

/// Values whose size is known only during the run and has no bound.
@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct GrowthTests {
    /// x without its elements up to 0, as positions.
    private func positions(_ x: [Float]) -> [Int64] { x.indices.filter { x[$0] > 0 }.map { Int64($0) } }

    @Test func findsMemoryWhenASizeIsKnown() throws {
        let session = Session(try GrowthEngines.positive().load())
        for count in [0, 1, 5, 3000, 20_000, 7, 20_000, 0] {
            let x = (0..<count).map { Float($0 % 3) - 1 }
            let result = try session.run(["x": floats(x)])
            let expected = positions(x)
            #expect(try result.integers("where") == expected)
            #expect(result["where"]?.shape == [expected.count])
            let filled = [Int64](repeating: Int64(expected.count), count: expected.count)
            #expect(try result.integers("filled") == filled + [-1])
        }
    }

    @Test func runsOnManyThreadsAtOnce() async throws {
        let session = Session(try GrowthEngines.positive().load(threads: 2))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 1...6 {
                group.addTask {
                    for round in 0..<100 {
                        let x = (0..<task * 100 + round).map { Float($0 % 3) - 1 }
                        let expected = x.indices.filter { x[$0] > 0 }.map { Int64($0) }
                        guard try session.run(["x": floats(x)]).integers("where") == expected else { return false }
                    }
                    return true
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }

    @Test func namesWhatGrows() throws {
        let engine = try GrowthEngines.positive().engine
        #expect(engine.growth.buffers.map { engine.buffers[$0].name } == ["copy"])
        #expect(engine.growth.outputs == [0, 1])
        let text = engine.describe()
        #expect(text.contains("grows during the run: 'copy', m*8 bytes\n"))
        #expect(text.contains("grows during the run: output 'where'\n"))
        #expect(try ExampleEngines.positive().engine.growth.buffers.isEmpty)
    }

    /// The plan has room for what a size may be at most, given the sizes of the inputs.
    @Test func limitsOfSizesCountInThePlan() throws {
        let loaded = try GrowthEngines.positive { $0 }.load()
        #expect(!loaded.engine.describe().contains("grows during the run"))
        let plan = try loaded.plan(for: [[3000]])
        #expect(plan.outputShapes == [[3000], [3001]] && plan.growingOutputs.isEmpty)
        for count in [0, 1, 3000, 7] {
            let x = (0..<count).map { Float($0 % 3) - 1 }
            #expect(try Session(loaded).run(["x": floats(x)]).integers("where") == positions(x))
        }
        let half = Session(try GrowthEngines.positive { $0.floorDivided(by: 2) }.load())
        #expect(try half.run(["x": floats([1, -1, 1, -1])]).integers("where") == [0, 2])
        let problem = #expect(throws: Diagnostic.self) { try half.run(["x": floats([1, 1, 1, -1])]) }
        #expect(problem?.code == "run.size" && problem?.message.contains("'m' is 3, and 0...2") == true)
    }

    /// The limit is there for room of more than is reserved, too: then memory is found when the size is known.
    @Test func limitsBeyondWhatIsReserved() throws {
        let loaded = try GrowthEngines.positive { $0 * IntExpr(1 << 40) }.load()
        #expect(try loaded.plan(for: [[3]]).growingOutputs == [0, 1])
        #expect(try Session(loaded).run(["x": floats([1, -1, 1])]).integers("where") == [0, 2])
    }

    @Test func limitsThatCannotHoldAreRefused() throws {
        let engine = try GrowthEngines.positive { $0 }.engine
        let limit = try #require(engine.symbols[1].limit)
        for wrong in [-1, ExprRef(engine.program.count), ExprRef(engine.program.count - 1)] {
            var damaged = engine
            damaged.symbols[1].limit = wrong
            #expect(errorCode { try damaged.validate() } == "engine.invalid", "\(wrong)")
            _ = damaged.describe()
        }
        var damaged = engine
        damaged.symbols[0].limit = limit
        #expect(errorCode { try damaged.validate() } == "engine.invalid")
    }

    @Test func sharesMemoryAmongValuesThatDoNotMeet() throws {
        let loaded = try GrowthEngines.chain(length: 40).load()
        let count = 1 << 20
        let result = try Session(loaded).run(["count": HostTensor(scalar: Int64(count))])
        #expect(try result.integers("last") == .init(repeating: 39, count: count))
        // Two values of 8 MiB live at a time; the output is a third block, which is not idle while the result is held.
        withExtendedLifetime(result) { #expect(loaded.runtime.idleByteCount <= 2 * 8 * count + 0x8_0000) }
        loaded.runtime.trim()
        #expect(loaded.runtime.idleByteCount == 0)
    }

    @Test(arguments: [0, 1, 2, 3, 1000, 50_000])
    func keepsWhatALoopHasWritten(turns: Int64) throws {
        let session = Session(try GrowthEngines.history().load())
        for _ in 0..<2 {
            let result = try session.run(["limit": HostTensor(scalar: turns)])
            #expect(try result.integers("history") == (0..<turns).map { $0 * 10 })
        }
    }

    @Test func keepsToItsLimit() throws {
        let loaded = try Runtime(threads: 1, growthLimit: 100_000).load(GrowthEngines.positive().engine)
        let session = Session(loaded)
        let error = #expect(throws: Diagnostic.self) {
            _ = try session.run(["x": floats(.init(repeating: 1, count: 20_000))])
        }
        #expect(error?.code == "run.out-of-memory")
        #expect(error?.message.contains("needs 160000 bytes") == true)
        #expect(error?.message.hasSuffix("in 'nonzero'") == true)
        let x = [Float](repeating: 1, count: 1000)
        #expect(try session.run(["x": floats(x)]).integers("where") == positions(x))
    }

    @Test func refusesSizesBeyondTheAddressSpace() throws {
        let loaded = try Runtime(threads: 1, growthLimit: .max).load(GrowthEngines.chain(length: 3).engine)
        for count: Int64 in [.max, .max / 8, .max / 16] {
            let code = errorCode { _ = try Session(loaded).run(["count": HostTensor(scalar: count)]) }
            #expect(["run.size", "run.out-of-memory", "plan.too-large"].contains(code))
        }
    }

    @Test func reservesNoAbsurdBound() throws {
        var kit = try GrowthEngines.positive()
        kit.engine.symbols[1].upper = 1 << 40
        guard case .bind(let symbol, let source, let type, let low, _) = kit.engine.steps[1].kind else { return }
        kit.engine.steps[1].kind = .bind(symbol: symbol, source: source, type: type, low: low, high: 1 << 40)
        let loaded = try kit.load()
        #expect(try loaded.plan(for: [[4]]).arenaByteCount == 128)
        #expect(try loaded.plan(for: [[4]]).outputShapes == [[1 << 40], [(1 << 40) + 1]])
        #expect(try Session(loaded).run(["x": floats([1, 0, 2, 0])]).integers("where") == [0, 2])
    }

    @Test func asksForTheMemoryOfOutputs() throws {
        let loaded = try GrowthEngines.positive().load()
        let plan = try loaded.plan(for: [[4]])
        #expect(plan.growingOutputs == [0, 1])
        #expect(plan.outputShapes == [[.max], [.max]])
        let x: [Float] = [1, 0, 2, 3]
        var memory: [[Int64]] = [[], []]
        try x.withUnsafeBytes { bytes in
            let input = try #require(bytes.baseAddress)
            let place = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
            defer { place.deallocate() }
            #expect(
                errorCode { try loaded.run(plan: plan, inputs: [input], outputs: [place, place]) }
                    == "run.unbounded-output")
            let shapes = try loaded.run(
                plan: plan, inputs: [input],
                allocate: { output, count, kept in
                    #expect(count == [24, 32][output])
                    #expect(kept == 0)
                    return place + 2048 * output
                })
            #expect(shapes == [[3], [4]])
            for output in 0..<2 {
                let start = (place + 2048 * output).assumingMemoryBound(to: Int64.self)
                memory[output] = Array(UnsafeBufferPointer(start: start, count: shapes[output][0]))
            }
        }
        #expect(memory == [[0, 2, 3], [3, 3, 3, -1]])
    }

    @Test(arguments: [1, 2])
    func growsScratchMemory(threads: Int) throws {
        let session = Session(try GrowthEngines.rowSums().load(threads: threads))
        for k in [3, 40_000, 7] {
            let x = try floats(.init(repeating: 0.5, count: 4 * k), [4, k])
            let result = try session.run(["x": x, "k": HostTensor(scalar: Int64(k))])
            #expect(try result.floats("y") == .init(repeating: Float(k) / 2, count: 4))
        }
    }

    @Test func refusesPlacesThatAreNotThere() throws {
        // A step uses the value before its size is known.
        var early = try GrowthEngines.positive()
        early.engine.steps.swapAt(1, 3)
        #expect(errorCode { _ = try Session(early.load()).run(["x": floats([1, 2])]) } == "run.size")
        // A step starts behind the value's end, before its start, or finds it from another base.
        for wrong in 0..<4 {
            var kit = try GrowthEngines.positive()
            let copy = IntExpr(Symbol.size(kit.engine.symbols.count - 1))
            let m = IntExpr(Symbol.size(1))
            let places: [(Int, IntExpr)] = [
                (Engine.arenaBase, copy + m * 8 + 8), (Engine.arenaBase, copy - 8), (kit.engine.outputBase(0), copy),
                (Engine.arenaBase, copy * 2),
            ]
            kit.engine.steps[3] = try kit.call("fill", [places[wrong]], [m], grid: m)
            #expect(errorCode { _ = try Session(kit.load()).run(["x": floats([1, 2])]) } == "run.bounds")
        }
    }

    @Test func comparesSizesThatMustAgree() throws {
        var kit = try GrowthEngines.positive()
        let (n, m) = (IntExpr(Symbol.size(0)), IntExpr(Symbol.size(1)))
        kit.engine.requirements = [
            Engine.Requirement(left: kit.expression(n), right: kit.expression(4), what: "extents of 'add'"),
            Engine.Requirement(left: kit.expression(m * 2), right: kit.expression(n), what: "extents of 'mul'"),
        ]
        #expect(kit.engine.describe().contains("requires m*2 = n: extents of 'mul'\n"))
        let session = Session(try kit.load())
        #expect(try session.run(["x": floats([1, 2, 0, 0])]).integers("where") == [0, 1])
        let plan = #expect(throws: Diagnostic.self) { _ = try session.run(["x": floats([1])]) }
        #expect(plan?.code == "run.sizes-differ")
        #expect(plan?.message == "extents of 'add': n = 1 and 4 differ")
        let run = #expect(throws: Diagnostic.self) { _ = try session.run(["x": floats([1, 2, 3, 0])]) }
        #expect(run?.code == "run.sizes-differ")
        #expect(run?.message == "extents of 'mul': m*2 = 6 and n = 4 differ, in 'nonzero'")
    }
}
