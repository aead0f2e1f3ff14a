import MartletCore
import MartletIR
import TestSupport
import Testing

/// The methods and operators of tensors, eager.
@Suite struct TensorTests {
    private func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor {
        Tensor(try HostTensor(values, shape: shape))
    }

    private func doubles(_ tensor: Tensor) throws -> [Double] {
        try #require(try tensor.checked().concrete).doubles()
    }

    @Test func operatorsBroadcastAsNumPyDoes() throws {
        let x = try tensor([1, 2, 3, 4, 5, 6], [2, 3])
        let row = try tensor([10, 20, 30], [3])
        let column = try tensor([100, 200], [2, 1])
        #expect(try doubles(x + row) == [11, 22, 33, 14, 25, 36])
        #expect(try doubles(column + row) == [110, 120, 130, 210, 220, 230])
        #expect(try doubles(x * column - row) == [90, 180, 270, 790, 980, 1170])
        #expect(try doubles(-x / 2) == [-0.5, -1, -1.5, -2, -2.5, -3])
        #expect(try doubles(1 - row) == [-9, -19, -29])
        #expect(try doubles(2 * x + 1) == [3, 5, 7, 9, 11, 13])
        #expect(try doubles(60 / row) == [6, 3, 2])
        let empty = try tensor([], [0, 3])
        #expect(try (empty + row).shape == [0, 3])
        #expect(try (empty + (try tensor([1], [1, 1]))).shape == [0, 3])
    }

    @Test func broadcastShapesAgainstBruteForce() throws {
        var samples = SplitMix64(seed: 41)
        for _ in 0..<100 {
            let shape = samples.shape(rank: 1...4, extents: 0...3)
            let parts = try (0..<2).map { _ -> HostTensor in
                let own = shape.suffix(samples.int(0...shape.count)).map { samples.int(0...2) == 0 ? 1 : $0 }
                return try samples.numbers(.float32, own)
            }
            let sum = try #require(try (Tensor(parts[0]) + Tensor(parts[1])).checked().concrete)
            let values = try parts.map { try $0.doubles() }
            for index in indices(of: sum.shape) {
                let read = zip(parts, values).map { part, values in
                    let own = zip(index.suffix(part.shape.count), part.shape).map { $1 == 1 ? 0 : $0 }
                    return values[position(own, in: part.shape)]
                }
                let result = try sum.doubles()[position(index, in: sum.shape)]
                #expect(result == Double(Float(read[0]) + Float(read[1])))
            }
        }
    }

    @Test func operatorsKeepErrors() throws {
        let x = try tensor([1, 2], [2])
        let y = try tensor([1, 2, 3], [3])
        let failed = (x + y) * 2
        #expect(failed.concrete == nil)
        #expect(throws: Diagnostic.self) { try failed.checked() }
        #expect(throws: Diagnostic.self) { try failed.reduced(.sum, axes: [0]) }
        #expect(throws: Diagnostic.self) { try (x + Tensor(HostTensor(scalar: Int64(1)))).shape }
    }

    @Test func scalarsOfEveryTypeNeverTrap() throws {
        for type in MapTests.integers + MapTests.floats + [.bool] {
            for value in [0, 1.5, -3, 1e300, -1e300, .nan, .infinity] {
                #expect(try Tensor(value, as: type).rank == 0)
            }
        }
    }

    @Test func viewsAndReductions() throws {
        let x = try tensor([1, 2, 3, 4, 5, 6], [2, 3])
        #expect(try doubles(x.transposed([1, 0])) == [1, 4, 2, 5, 3, 6])
        #expect(try x.reshaped(to: [3, 2]).shape == [3, 2])
        #expect(try doubles(x.sliced(axis: 1, start: 2, size: 2, step: -1)) == [3, 2, 6, 5])
        let nine = try Tensor(9, as: .float32)
        #expect(try doubles(x.padded(low: [0, 1], high: [0, 0], with: nine)) == [9, 1, 2, 3, 9, 4, 5, 6])
        #expect(try doubles(Tensor.concatenate([x, x], axis: 0).reduced(.sum, axes: [0])) == [10, 14, 18])
        #expect(try x.reduced(.max, axes: [1], keepingAxes: true).shape == [2, 1])
        #expect(try doubles(x.windowed([.init(axis: 1, size: 2)])) == [1, 2, 2, 3, 4, 5, 5, 6])
        let index = Tensor(try HostTensor([2, 0] as [Int64], shape: [2]))
        #expect(try doubles(x.gathered([index], axes: [1], mode: .check)) == [3, 6, 1, 4])
        #expect(try doubles(x.gathered([index], axes: [0], mode: .fill, fill: nine)) == [9, 9, 9, 1, 2, 3])
        #expect(try doubles(Tensor.iota(shape: [2, 2], axis: 0)) == [0, 0, 1, 1])
        #expect(try doubles(Tensor.dimension(5)) == [5])
        #expect(try doubles(Tensor.dimensions([5, 6])) == [5, 6])
        #expect(try doubles(x.expanded(to: [2, 2, 3])) == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6])
        #expect(throws: Diagnostic.self) { try x.expanded(to: [3]) }
        #expect(throws: Diagnostic.self) { try x.sliced(axis: 7, start: 0, size: 1) }
    }

    @Test func mapsAndSelections() throws {
        let x = try tensor([1, -2, 3], [3])
        #expect(try doubles(x.mapped(.abs)) == [1, 2, 3])
        #expect(try doubles(x.mapped(.max, Tensor(0, as: .float32))) == [1, 0, 3])
        let negative = try x.compared(.lt, Tensor(0, as: .float32))
        #expect(try doubles(negative) == [0, 1, 0])
        #expect(try doubles(Tensor.select(negative, -x, x)) == [1, 2, 3])
        #expect(try doubles(x.cast(to: .int32)) == [1, -2, 3])
        #expect(try x.bitcast(to: .int16).shape == [3, 2])
        #expect(try doubles(x.bitcast(to: .uint8).bitcast(to: .float32)) == [1, -2, 3])
        #expect(throws: Diagnostic.self) { try x.compared(.add, x) }
    }

    @Test func operationsOfTheOtherThemes() throws {
        let x = try tensor([3, 1, 2, 6, 5, 4], [2, 3])
        let sorted = try x.sorted(axis: 1)
        #expect(try doubles(sorted.values) == [1, 2, 3, 4, 5, 6])
        #expect(try doubles(sorted.indices) == [1, 2, 0, 2, 1, 0])
        #expect(try doubles(x.argReduced(maximum: true, axes: [1])) == [0, 0])
        #expect(try x.argReduced(maximum: true, axes: [1], keepingAxes: true).shape == [2, 1])
        #expect(try doubles(x.cumulated(.sum, axis: 1)) == [3, 4, 6, 6, 11, 15])
        #expect(try doubles(x.contracted(with: x, contracted: [(1, 1)])) == [14, 31, 31, 77])
        let index = Tensor(try HostTensor([1] as [Int64], shape: [1]))
        let update = try tensor([9, 9, 9], [1, 3])
        #expect(try doubles(x.scattered([index], updates: update, axes: [0], mode: .set)) == [3, 1, 2, 9, 9, 9])
        let image = try tensor([1, 2, 3], [1, 1, 3])
        let weights = try tensor([1, 1], [1, 1, 2])
        #expect(try doubles(image.convolved(with: weights)) == [3, 5])
        #expect(try doubles(image.convolved(with: weights, low: [1], high: [0])) == [1, 3, 5])
    }
}
