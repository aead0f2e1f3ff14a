import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite struct SortTests {
    @Test func stableInBothDirections() throws {
        let x = Tensor(try HostTensor([Float(2), 1, 2, .nan, -0.0, 0, 1, -.infinity], shape: [8]))
        let ascending = try x.sorted(axis: 0)
        #expect(try ascending.indices.concrete?.ints() == [7, 4, 5, 1, 6, 0, 2, 3])
        let descending = try x.sorted(axis: 0, descending: true)
        #expect(try descending.indices.concrete?.ints() == [3, 0, 2, 1, 6, 4, 5, 7])
        // The bits of the elements are moved, not their values.
        #expect(try ascending.values.concrete?.array(of: Float.self)[1].sign == .minus)
    }

    @Test func alongAnInnerAxisWithCount() throws {
        var samples = SplitMix64(seed: 5)
        for type in [ElementType.float32, .int8, .uint64, .bfloat16, .bool, .float8e5m2] {
            let x = try samples.bits(type, [3, 7, 2])
            let sorted = try Tensor(x).sorted(axis: 1, descending: true, count: 4)
            let values = try #require(sorted.values.concrete)
            let positions = try #require(try sorted.indices.concrete?.ints())
            #expect(values.shape == [3, 4, 2])
            for index in indices(of: [3, 4, 2]) {
                let source = [index[0], Int(positions[position(index, in: [3, 4, 2])]), index[2]]
                #expect(element(values, index) == element(x, source))
            }
            for index in indices(of: [3, 3, 2]) {
                let next = [index[0], index[1] + 1, index[2]]
                let (a, b) = (try number(values, index), try number(values, next))
                #expect(a >= b || a.isNaN)
            }
        }
    }

    private func number(_ tensor: HostTensor, _ index: [Int]) throws -> Double {
        try tensor.doubles()[position(index, in: tensor.shape)]
    }

    @Test func countMustNotExceedTheExtent() throws {
        let x = Tensor(try HostTensor([1, 2, 3], shape: [3]))
        #expect(throws: Diagnostic.self) { try x.sorted(axis: 0, count: 4) }
        #expect(throws: Diagnostic.self) { try x.sorted(axis: 0, count: -1) }
        #expect(try x.sorted(axis: 0, count: 0).values.concrete?.shape == [0])
    }

    @Test func positionsOfExtremes() throws {
        let x = try HostTensor([Float(1), 3, 3, 2, -1, -1], shape: [2, 3])
        func find(_ maximum: Bool, _ axes: [Int], last: Bool = false) throws -> [Int64] {
            try evaluated(ArgReduce(maximum: maximum, axes: axes, lastTie: last), [x]).ints()
        }
        #expect(try find(true, [1]) == [1, 0])
        #expect(try find(true, [1], last: true) == [2, 0])
        #expect(try find(false, [0]) == [0, 1, 1])
        #expect(try find(false, [0, 1]) == [4])
        #expect(try find(false, [0, 1], last: true) == [5])
        #expect(try find(true, []) == [0, 0, 0, 0, 0, 0])
    }

    @Test func firstNaNWins() throws {
        let x = Tensor(try HostTensor([Float.infinity, .nan, 1, .nan], shape: [4]))
        for maximum in [true, false] {
            for last in [true, false] {
                let found = try x.argReduced(maximum: maximum, axes: [0], lastTie: last)
                #expect(try found.concrete?.ints() == [1])
            }
        }
    }

    @Test func emptyAxisIsAnError() throws {
        let x = Tensor(try HostTensor(zeros: .float32, shape: [2, 0]))
        #expect(throws: Diagnostic.self) { try x.argReduced(maximum: true, axes: [1]) }
        #expect(try x.argReduced(maximum: true, axes: [0]).concrete?.shape == [0])
    }

    @Test func runningCombinations() throws {
        let x = Tensor(try HostTensor([Int32(3), 1, 2, 5, 4, 6], shape: [2, 3]))
        #expect(try x.cumulated(.sum, axis: 1).concrete?.ints() == [3, 4, 6, 5, 9, 15])
        #expect(try x.cumulated(.max, axis: 0).concrete?.ints() == [3, 1, 2, 5, 4, 6])
        #expect(try x.cumulated(.min, axis: 1).concrete?.ints() == [3, 1, 1, 5, 4, 4])
        #expect(try x.cumulated(.prod, axis: 1).concrete?.ints() == [3, 3, 6, 5, 20, 120])
        let y = Tensor(try HostTensor([Float(1), .nan, 3], shape: [3]))
        #expect(try y.cumulated(.max, axis: 0).concrete?.doubles().dropFirst().allSatisfy(\.isNaN) == true)
        let u = Tensor(try HostTensor([UInt64.max, 1], shape: [2]))
        #expect(try u.cumulated(.max, axis: 0).concrete?.array(of: UInt64.self) == [.max, .max])
        #expect(throws: Diagnostic.self) { try x.cumulated(.and, axis: 0) }
        #expect(throws: Diagnostic.self) { try x.cumulated(.sum, axis: 2) }
    }
}

@Suite struct ScatterTests {
    private let x: Tensor

    init() throws { x = Tensor(try HostTensor([Float(1), 2, 3, 4, 5, 6], shape: [3, 2])) }

    private func scatter(
        _ indices: [Int64], _ updates: [Float], _ mode: ScatterForm.Mode, checked: Bool = true
    ) throws -> [Float]? {
        let index = Tensor(try HostTensor(indices, shape: [indices.count]))
        let update = Tensor(try HostTensor(updates, shape: [indices.count, 2]))
        let result = try x.scattered([index], updates: update, axes: [0], mode: mode, checked: checked)
        return try result.concrete?.array(of: Float.self)
    }

    @Test func modesOnRows() throws {
        #expect(try scatter([2, 2], [7, 8, 9, 10], .set) == [1, 2, 3, 4, 9, 10])
        #expect(try scatter([2, 2], [7, 8, 9, 10], .add) == [1, 2, 3, 4, 21, 24])
        #expect(try scatter([0, 0], [2, 3, 4, 5], .mul) == [8, 30, 3, 4, 5, 6])
        #expect(try scatter([0, 1], [2, 1, 9, 1], .max) == [2, 2, 9, 4, 5, 6])
        #expect(try scatter([0, 1], [2, 1, 9, 1], .min) == [1, 1, 3, 1, 5, 6])
        #expect(try scatter([], [], .set) == [1, 2, 3, 4, 5, 6])
    }

    @Test func indicesOutOfRange() throws {
        #expect(try scatter([3, -1], [7, 8, 9, 10], .set, checked: false) == [1, 2, 3, 4, 5, 6])
        #expect(throws: Diagnostic.self) { try scatter([3], [7, 8], .set) }
        #expect(throws: Diagnostic.self) { try scatter([-1], [7, 8], .add) }
    }

    @Test func pointsByTwoAxes() throws {
        let (i, j) = (
            Tensor(try HostTensor([Int32(0), 2], shape: [2])), Tensor(try HostTensor([Int32(1), 0], shape: [2]))
        )
        let u = Tensor(try HostTensor([Float(-1), -2], shape: [2]))
        let y = try x.scattered([i, j], updates: u, axes: [0, 1], mode: .set)
        #expect(try y.concrete?.array(of: Float.self) == [1, -1, 3, 4, -2, 6])
    }

    @Test(arguments: ElementType.allCases)
    func setTakesEveryType(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 9)
        let (x, u) = (try samples.bits(type, [5, 3]), try samples.bits(type, [5, 2]))
        let index = Tensor(try HostTensor([Int64(2), 0], shape: [2]))
        let result = try Tensor(x).scattered([index], updates: Tensor(u).transposed([1, 0]), axes: [1], mode: .set)
            .concrete
        // Updates are indexed by the index axes first: [2, 5] for x of [5, 3].
        let value = try #require(result)
        for row in 0..<5 {
            #expect(element(value, [row, 2]) == element(u, [row, 0]))
            #expect(element(value, [row, 0]) == element(u, [row, 1]))
            #expect(element(value, [row, 1]) == element(x, [row, 1]))
        }
    }

    @Test func refusesWhatDoesNotFit() throws {
        let index = Tensor(try HostTensor([Int64(0)], shape: [1]))
        let u = Tensor(try HostTensor([Float(0), 1], shape: [1, 2]))
        #expect(throws: Diagnostic.self) { try x.scattered([index], updates: u, axes: [1], mode: .set) }
        #expect(throws: Diagnostic.self) { try x.scattered([u], updates: u, axes: [0], mode: .set) }
        #expect(throws: Diagnostic.self) { try x.scattered([], updates: u, axes: [], mode: .set) }
        let bools = Tensor(try HostTensor([true, false], shape: [2]))
        let bool = Tensor(try HostTensor([true], shape: [1]))
        #expect(throws: Diagnostic.self) { try bools.scattered([index], updates: bool, axes: [0], mode: .add) }
    }
}
