import MartletCore
import MartletEngine
@testable import MartletRuntime
import TestSupport
import Testing

struct PlanTests {
    @Test func placesLivingBuffersApart() throws {
        var random = SplitMix64(seed: 3)
        for round in 0..<200 {
            let count = 1 + round % 40
            var sizes: [Int] = []
            let buffers = (0..<count).map { index in
                let first = Int(random.next() % 50)
                sizes.append(Int(random.next() % 5) * Int(random.next() % 300))
                let last = first + Int(random.next() % 9)
                return Engine.Buffer(name: "b\(index)", size: 0, firstStep: first, lastStep: last)
            }
            let (offsets, total) = try Placement(buffers).offsets(sizes: sizes)
            #expect(offsets.allSatisfy { $0 % 64 == 0 })
            #expect(zip(offsets, sizes).allSatisfy { $0 + $1 <= total })
            for a in 0..<count {
                for b in 0..<a where sizes[a] > 0 && sizes[b] > 0 {
                    let areTogether =
                        buffers[a].firstStep <= buffers[b].lastStep
                        && buffers[b].firstStep <= buffers[a].lastStep
                    let overlap = offsets[a] < offsets[b] + sizes[b] && offsets[b] < offsets[a] + sizes[a]
                    #expect(!(areTogether && overlap))
                }
            }
        }
    }

    @Test func reusesTheMemoryOfTheDead() throws {
        let buffers = (0..<10).map { Engine.Buffer(name: "b", size: 0, firstStep: $0, lastStep: $0 + 1) }
        let (offsets, total) = try Placement(buffers).offsets(sizes: .init(repeating: 100, count: 10))
        #expect(offsets == [0, 128, 0, 128, 0, 128, 0, 128, 0, 128])
        #expect(total == 228)
    }

    @Test func refusesSizesBeyondTheAddressSpace() {
        let buffers = (0..<2).map { _ in Engine.Buffer(name: "b", size: 0, firstStep: 0, lastStep: 0) }
        #expect(errorCode { _ = try Placement(buffers).offsets(sizes: [.max - 10, 100]) } == "plan.too-large")
    }

    /// A random program over three symbols, the last of which is set during the run.
    private func randomEngine(_ random: inout SplitMix64) throws -> Engine {
        var (operations, left, right): ([Int32], [Int32], [Int32]) = ([0, 1, 1, 1], [0, 0, 1, 2], [0, 0, 0, 0])
        var constants: [Int64] = [3, 0, 0, 0]
        for index in 4..<24 {
            let op = Int32(random.next() % 8)
            operations.append(op)
            left.append(op == 0 ? 0 : op == 1 ? Int32(random.next() % 3) : Int32(random.next() % UInt64(index)))
            right.append(op < 2 ? 0 : Int32(random.next() % UInt64(index)))
            constants.append(op == 0 ? Int64(random.next() % 20) - 10 : 0)
        }
        let kinds: [Engine.SymbolKind] = [.input, .input, .bound]
        return Engine(
            header: Engine.Header(name: "random"),
            symbols: kinds.map { Engine.SymbolInfo(name: "s", kind: $0, lower: -9, upper: 9) },
            program: try ExprProgram(operations: operations, left: left, right: right, constants: constants))
    }

    @Test func evaluatesAsTheProgramDoes() throws {
        var random = SplitMix64(seed: 11)
        for _ in 0..<300 {
            let engine = try randomEngine(&random)
            let table = ExpressionTable(engine)
            var symbols = (0..<2).map { _ in Int64(random.next() % 19) - 9 } + [ExpressionTable.undefined]
            var values = [Int64](repeating: 0, count: table.count)
            table.evaluate(&values, symbols: symbols)
            let bounds: [ClosedRange<Int64>?] = [nil, nil, -9...9]
            let ranges = table.ranges(values: values, symbols: bounds, limits: [nil, nil, nil])
            for last in Int64(-9)...9 {
                symbols[2] = last
                table.update(&values, symbols: symbols, after: 2)
                var expected = [Int](repeating: 0, count: table.count)
                for index in values.indices {
                    let value: Int64? = try? {
                        try engine.program.evaluate(into: &expected, entries: index..<index + 1) {
                            Int(symbols[Int($0.id)])
                        }
                        return Int64(expected[index])
                    }()
                    // Entries that the program gives up on may have a value here if what failed is no part of them.
                    guard let value else { break }
                    #expect(values[index] == value)
                    #expect(ranges[index].contains(value))
                }
            }
        }
    }

    @Test func leavesOutBuffersWithoutBound() throws {
        try withKernels {
            let plan = try GrowthEngines.positive().load().plan(for: [[3]])
            // The count and what is found of three elements.
            #expect(plan.arenaByteCount == 128)
            #expect(plan.outputByteCounts == [0, 0])
        }
    }

    @Test func findsBoundsInTheShapes() throws {
        try withKernels {
            var kit = try ExampleEngines.positive()
            kit.engine.symbols[1].upper = nil
            let size = kit.expression(IntExpr.min(IntExpr(Symbol.size(1)), IntExpr(Symbol.size(0))) * 8)
            kit.engine.buffers[1].size = size
            kit.engine.symbols[0].upper = nil
            #expect(kit.engine.growth.buffers == [1])
            let loaded = try kit.load()
            #expect(try loaded.plan(for: [[3]]).arenaByteCount == 64)
            #expect(try loaded.plan(for: [[1 << 28]]).arenaByteCount == 64)
            #expect(try loaded.plan(for: [[1 << 20]]).arenaByteCount == 8 << 20)
        }
    }

    @Test func keepsThePlansUsedLast() throws {
        try withKernels {
            let loaded = try ExampleEngines.add().load()
            let first = try loaded.plan(for: [[1], [1]])
            for n in 2...16 { _ = try loaded.plan(for: [[n], [n]]) }
            #expect(try loaded.plan(for: [[1], [1]]) === first)
            for n in 17...40 { _ = try loaded.plan(for: [[n], [n]]) }
            #expect(try loaded.plan(for: [[1], [1]]) !== first)
            #expect(first.arenaByteCount == 64)
            #expect(first.outputShapes == [[1]])
        }
    }

    @Test func keepsNoMoreMemoryThanItNeeds() throws {
        try withKernels {
            let loaded = try ExampleEngines.rowSums().load(threads: 2)
            let session = Session(loaded)
            for n in (1...100).map({ $0 * 997 }) {
                _ = try session.run(["x": HostTensor(zeros: .float32, shape: [n, 3])])
            }
            let kept = loaded.runtime.idleByteCount
            for _ in 0..<100 { _ = try session.run(["x": HostTensor(zeros: .float32, shape: [99_700, 3])]) }
            #expect(loaded.runtime.idleByteCount == kept)
            loaded.runtime.trim()
            #expect(loaded.runtime.idleByteCount == 0)
        }
    }

    private func withKernels(_ body: () throws -> Void) throws {
        if TestKernels.areAvailable { try body() }
    }
}
