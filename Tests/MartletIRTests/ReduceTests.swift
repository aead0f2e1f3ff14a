import MartletCore
import MartletIR
import TestSupport
import Testing

/// Reductions against direct formulas.
@Suite struct ReduceTests {
    /// For each result element the positions that it combines, in row-major order.
    private func groups(_ shape: [Int], _ axes: [Int]) -> [[Int]] {
        let kept = shape.indices.filter { !axes.contains($0) }
        let keptShape = kept.map { shape[$0] }
        var groups = [[Int]](repeating: [], count: keptShape.reduce(1, *))
        for index in indices(of: shape) {
            groups[position(kept.map { index[$0] }, in: keptShape)].append(position(index, in: shape))
        }
        return groups
    }

    private func formula(_ combiner: Combiner, _ values: [Double]) -> Double {
        switch combiner {
        case .sum: return values.reduce(0, +)
        case .prod: return values.reduce(1, *)
        case .max: return values.contains { $0.isNaN } ? .nan : values.max() ?? -.infinity
        default: return values.contains { $0.isNaN } ? .nan : values.min() ?? .infinity
        }
    }

    @Test(arguments: MapTests.floats) func floats(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 31)
        for round in 0..<60 {
            let shape = samples.shape(extents: 0...5)
            let axes = shape.indices.filter { _ in samples.int(0...1) == 0 }
            var numbers = try samples.numbers(type, shape, -2...2).doubles()
            if round % 4 == 0, !numbers.isEmpty { numbers[samples.int(0...numbers.count - 1)] = .nan }
            let x = try HostTensor.fromDoubles(numbers, as: type, shape: shape)
            for combiner in [Combiner.sum, .prod, .max, .min] {
                let result = try evaluated(Reduce(combiner, axes: axes), [x], checkingForm: round < 10)
                let expected = groups(shape, axes).map { formula(combiner, $0.map { numbers[$0] }) }
                let rounded = try HostTensor.fromDoubles(expected, as: type, shape: result.shape)
                #expect(try sameValues(result, rounded), "\(combiner) of \(type)\(shape) along \(axes)")
            }
        }
    }

    @Test(arguments: MapTests.integers) func integers(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 32)
        for _ in 0..<20 {
            let shape = samples.shape(extents: 1...5)
            let axes = shape.indices.filter { _ in samples.int(0...1) == 0 }
            let x = try samples.bits(type, shape)
            let values = try x.ints()
            let isLess = { (a: Int64, b: Int64) in
                type == .uint64 ? UInt64(bitPattern: a) < UInt64(bitPattern: b) : a < b
            }
            let formulas: [(Combiner, ([Int64]) -> Int64)] = [
                (.sum, { $0.reduce(0, &+) }), (.prod, { $0.reduce(1, &*) }),
                (.max, { $0.max(by: isLess) ?? 0 }), (.min, { $0.min(by: isLess) ?? 0 }),
            ]
            for (combiner, formula) in formulas {
                let result = try evaluated(Reduce(combiner, axes: axes), [x])
                let expected = groups(shape, axes).map { formula($0.map { values[$0] }) }
                let wrapped = try HostTensor.fromInts(expected, as: type, shape: result.shape)
                #expect(result.isIdentical(to: wrapped), "\(combiner) of \(type)\(shape) along \(axes)")
            }
        }
    }

    @Test func emptyReductionsGiveTheIdentity() throws {
        let x = try HostTensor(zeros: .float32, shape: [2, 0])
        for (combiner, identity) in [(Combiner.sum, 0.0), (.prod, 1), (.max, -.infinity), (.min, .infinity)] {
            #expect(try evaluated(Reduce(combiner, axes: [1]), [x]).doubles() == [identity, identity])
            #expect(try evaluated(Reduce(combiner, axes: [0]), [x]).shape == [0])
        }
        let y = try HostTensor(zeros: .int8, shape: [0])
        for (combiner, identity) in [(Combiner.sum, 0), (.prod, 1), (.max, -128), (.min, 127)] as [(Combiner, Int64)] {
            #expect(try evaluated(Reduce(combiner, axes: [0]), [y]).ints() == [identity])
        }
        let z = try HostTensor(zeros: .bool, shape: [0])
        #expect(try evaluated(Reduce(.and, axes: [0]), [z]).ints() == [1])
        #expect(try evaluated(Reduce(.or, axes: [0]), [z]).ints() == [0])
    }

    @Test func emptyReductionsOfNarrowTypesGiveTheIdentity() throws {
        for type in [ElementType.int4, .uint4, .uint64] {
            let x = try HostTensor(zeros: type, shape: [0])
            let lowest = Int64(type.lowestInteger ?? 0)
            let highest = Int64(type.highestInteger ?? -1)
            #expect(try evaluated(Reduce(.max, axes: [0]), [x]).ints() == [lowest])
            #expect(try evaluated(Reduce(.min, axes: [0]), [x]).ints() == [highest])
        }
    }

    @Test func truthValues() throws {
        let x = try HostTensor([true, true, false, true, false, false], shape: [3, 2])
        #expect(try evaluated(Reduce(.and, axes: [1]), [x]).ints() == [1, 0, 0])
        #expect(try evaluated(Reduce(.or, axes: [1]), [x]).ints() == [1, 1, 0])
        #expect(throws: Diagnostic.self) { try evaluated(Reduce(.sum, axes: [0]), [x]) }
    }

    @Test func sumsAreWideAndInOrder() throws {
        let x = try HostTensor([1e8, 1, -1e8, 0.5] as [Float], shape: [4])
        #expect(try evaluated(Reduce(.sum, axes: [0]), [x]).doubles() == [1.5])
        let y = try HostTensor.fromDoubles(Array(repeating: 1, count: 4096), as: .float16, shape: [4096])
        #expect(try evaluated(Reduce(.sum, axes: [0]), [y], checkingForm: false).doubles() == [4096])
    }

    @Test func axesMustFit() throws {
        let x = try HostTensor(zeros: .float32, shape: [2, 3])
        #expect(throws: Diagnostic.self) { try evaluated(Reduce(.sum, axes: [2]), [x]) }
        #expect(throws: Diagnostic.self) { try evaluated(Reduce(.sum, axes: [0, 0]), [x]) }
        #expect(try evaluated(Reduce(.sum, axes: []), [x]).isIdentical(to: x))
    }
}
