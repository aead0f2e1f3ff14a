import Glibc
import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct RunTests {
    @Test func addsWithStaticAndSymbolicExtents() throws {
        let session = Session(try ExampleEngines.add().load())
        for n in [0, 1, 3, 100, 5000] {
            let a = (0..<n).map { Float($0) }
            let b = (0..<n).map { Float($0) * 0.5 }
            let result = try session.run(["a": floats(a), "b": floats(b)])
            #expect(try result.floats("sum") == zip(a, b).map { $0 + $1 + $1 })
            #expect(result["sum"]?.shape == [n])
        }
    }

    @Test func takesTheBranchOfTheCondition() throws {
        let session = Session(try ExampleEngines.branch().load())
        let x = try floats([1, 2, 3])
        let yes = try session.run(["flag": HostTensor(scalar: true), "x": x])
        #expect(try yes.floats("y") == [2, 4, 6])
        let error = #expect(throws: Diagnostic.self) {
            _ = try session.run(["flag": HostTensor(scalar: false), "x": x])
        }
        #expect(error?.code == "run.test")
        #expect(error?.help == "say yes")
        #expect(error?.place == .node(name: "choice", operator: "fail", file: nil))
    }

    @Test(arguments: [(0, 0), (1, 1), (5, 5), (7, 7), (8, 7), (100, 7)])
    func loopsWhileTurnAndConditionAllow(trip: Int64, turns: Int64) throws {
        let session = Session(try ExampleEngines.loop().load())
        let result = try session.run(["trip": HostTensor(scalar: trip)])
        #expect(try result.integers("turns") == [turns])
        #expect(try result.integers("history") == (0..<turns).map { $0 * 10 })
    }

    @Test func refusesASizeBeyondItsRange() throws {
        let session = Session(try ExampleEngines.loop().load())
        for trip in [Int64(101), -1, .max, .min] {
            #expect(errorCode { _ = try session.run(["trip": HostTensor(scalar: trip)]) } == "run.size")
        }
    }

    @Test(arguments: [[], [-1], [1], [1, -1, 2, 0, 3], [-1, -2], [5, 5, 5, 5]] as [[Float]])
    func bindsSizesThatDependOnData(x: [Float]) throws {
        let session = Session(try ExampleEngines.positive().load())
        for _ in 0..<2 {
            let result = try session.run(["x": floats(x)])
            let expected = x.indices.filter { x[$0] > 0 }.map { Int64($0) }
            #expect(try result.integers("where") == expected)
            let filled = [Int64](repeating: Int64(expected.count), count: expected.count)
            #expect(try result.integers("filled") == filled + [-1])
        }
    }

    @Test(arguments: [1, 2, 3])
    func namesTheNodeAndTheLeastPositionOfAViolation(threads: Int) throws {
        let session = Session(try ExampleEngines.gather().load(threads: threads))
        let x = try floats([1, 2, 3])
        let good = try session.run(["x": x, "index": integers([2, 0, 1, 1])])
        #expect(try good.floats("y") == [3, 1, 2, 2])
        var index = [Int64](repeating: 1, count: 4000)
        (index[1234], index[3000], index[3999]) = (3, -1, 99)
        let bad = try integers(index)
        for _ in 0..<20 {
            let error = #expect(throws: Diagnostic.self) { _ = try session.run(["x": x, "index": bad]) }
            #expect(error?.code == "run.index-range")
            #expect(error?.message == "an index is out of range, at grid position 1234, in 'embedding'")
        }
    }

    @Test func computesInIEEEModeAndRestoresTheCallers() throws {
        var kit = try EngineKit("denormal")
        let n = kit.symbol("n")
        let a = kit.input("a", .float32, [n])
        let b = kit.input("b", .float32, [n])
        let c = kit.output("c", .float32, [n])
        kit.engine.steps = [try kit.call("multiply", [(a, 0), (b, 0), (c, 0)], grid: n, flops: n * 100_000)]
        let session = Session(try kit.load(threads: 2))
        let tiny = Float.leastNonzeroMagnitude * 2
        let a64 = try floats([Float](repeating: tiny, count: 64))
        let inputs = ["a": a64, "b": try floats([Float](repeating: 1.5, count: 64))]
        fesetround(FE_UPWARD)
        let result = try session.run(inputs)
        let mode = fegetround()
        fesetround(FE_TONEAREST)
        #expect(mode == FE_UPWARD)
        #expect(try result.floats("c") == .init(repeating: tiny * 1.5, count: 64))
        #expect(tiny * 1.5 == Float.leastNonzeroMagnitude * 3)
    }

    @Test func readsInputsFromUnalignedStorage() throws {
        let session = Session(try ExampleEngines.add().load())
        let shifted: [UInt8] = [0] + [Float(1), 2, 3].flatMap { withUnsafeBytes(of: $0) { Array($0) } }
        let bytes = try HostTensor(shifted, shape: [13])
        let a = try HostTensor(type: .float32, shape: [3], storage: bytes.storage, byteOffset: 1)
        let result = try session.run(["a": a, "b": floats([1, 1, 1])])
        #expect(try result.floats("sum") == [3, 4, 5])
    }

    @Test func collectsTimesOfSteps() throws {
        let loaded = try ExampleEngines.add().load()
        let profile = Profile(loaded)
        for _ in 0..<3 {
            _ = try Session(loaded).run(["a": floats([1]), "b": floats([1])], profile: profile)
        }
        #expect(profile.entries.map(\.name) == ["add", "add"])
        #expect(profile.entries.map(\.origins) == [["add_1"], ["add_2"]])
        #expect(profile.entries.allSatisfy { $0.count == 3 && $0.nanoseconds > 0 })
        profile.reset()
        #expect(profile.entries.isEmpty)
    }
}
