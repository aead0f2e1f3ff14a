import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite struct ContractTests {
    /// The definition, element by element, on integers that every type here holds exactly.
    private func reference(
        _ a: HostTensor, _ b: HostTensor, batch: [(Int, Int)], contracted: [(Int, Int)]
    ) throws -> (values: [Double], shape: [Int]) {
        let (x, y) = (try a.doubles(), try b.doubles())
        let freeA = a.shape.indices.filter { axis in !(batch + contracted).contains { $0.0 == axis } }
        let freeB = b.shape.indices.filter { axis in !(batch + contracted).contains { $0.1 == axis } }
        let shape = batch.map { a.shape[$0.0] } + freeA.map { a.shape[$0] } + freeB.map { b.shape[$0] }
        let values = indices(of: shape).map { index in
            var (left, right) = (a.shape.map { _ in 0 }, b.shape.map { _ in 0 })
            for (place, pair) in batch.enumerated() { (left[pair.0], right[pair.1]) = (index[place], index[place]) }
            for (place, axis) in freeA.enumerated() { left[axis] = index[batch.count + place] }
            for (place, axis) in freeB.enumerated() { right[axis] = index[batch.count + freeA.count + place] }
            var sum = 0.0
            for k in indices(of: contracted.map { a.shape[$0.0] }) {
                for (place, pair) in contracted.enumerated() { (left[pair.0], right[pair.1]) = (k[place], k[place]) }
                sum += x[position(left, in: a.shape)] * y[position(right, in: b.shape)]
            }
            return sum
        }
        return (values, shape)
    }

    private func integers(_ type: ElementType, _ shape: [Int], _ samples: inout SplitMix64) throws -> HostTensor {
        let values = (0..<shape.reduce(1, *)).map { _ in Double(samples.int(type.isSigned ? -5...5 : 0...9)) }
        return try HostTensor.fromDoubles(values, as: type, shape: shape)
    }

    private struct Case {
        let a: [Int], b: [Int]
        let batch: [(Int, Int)], contracted: [(Int, Int)]
    }

    private let cases = [
        Case(a: [3, 5], b: [5, 7], batch: [], contracted: [(1, 0)]),
        Case(a: [6, 4], b: [9, 4], batch: [], contracted: [(1, 1)]),
        Case(a: [2, 3, 4], b: [2, 4, 5], batch: [(0, 0)], contracted: [(2, 1)]),
        Case(a: [2, 3, 4], b: [4, 2, 5, 3], batch: [(1, 3), (0, 1)], contracted: [(2, 0)]),
        Case(a: [3, 2, 4], b: [4, 5, 3], batch: [], contracted: [(2, 0), (0, 2)]),
        Case(a: [3], b: [2], batch: [], contracted: []),
        Case(a: [8], b: [8], batch: [], contracted: [(0, 0)]),
        Case(a: [3, 0], b: [0, 2], batch: [], contracted: [(1, 0)]),
        Case(a: [0, 3], b: [3, 2], batch: [], contracted: [(1, 0)]),
        Case(a: [4], b: [4], batch: [(0, 0)], contracted: []),
    ]

    @Test(arguments: [
        (ElementType.float32, ElementType.float32, ElementType.float32), (.float64, .float64, .float64),
        (.float16, .float16, .float32), (.bfloat16, .bfloat16, .bfloat16), (.uint8, .int8, .int32),
        (.int64, .int64, .int64), (.int16, .int32, .uint64),
    ])
    func equalsTheDefinition(_ a: ElementType, _ b: ElementType, _ result: ElementType) throws {
        var samples = SplitMix64(seed: 7)
        for shape in cases {
            let (x, y) = (try integers(a, shape.a, &samples), try integers(b, shape.b, &samples))
            let operation = Contract(batch: shape.batch, contracted: shape.contracted, result: result)
            let value = try evaluated(operation, [x, y])
            let expected = try reference(x, y, batch: shape.batch, contracted: shape.contracted)
            #expect(value.shape == expected.shape)
            #expect(try sameValues(value, HostTensor.fromDoubles(expected.values, as: result, shape: expected.shape)))
        }
    }

    @Test func integersWrap() throws {
        let a = try HostTensor([Int64.max, 3], shape: [1, 2])
        let b = try HostTensor([Int64(2), 5], shape: [2, 1])
        let value = try evaluated(Contract(batch: [], contracted: [(1, 0)], result: .int64), [a, b])
        #expect(try value.ints() == [Int64.max &* 2 &+ 15])
        let small = try HostTensor([Int8](repeating: 127, count: 8), shape: [8])
        let sum = try evaluated(Contract(batch: [], contracted: [(0, 0)], result: .int8), [small, small])
        #expect(try sum.ints() == [Int64(Int8(truncatingIfNeeded: 127 * 127 * 8))])
    }

    @Test func sumsAreRoundedOnce() throws {
        // Each product vanishes beside the first one in f32, but not all of them together.
        let a = try HostTensor([Float(16_777_216)] + [Float](repeating: 1, count: 64), shape: [65])
        let b = try HostTensor([Float](repeating: 1, count: 65), shape: [65])
        let value = try evaluated(
            Contract(batch: [], contracted: [(0, 0)], result: .float32), [a, b], checkingForm: false)
        #expect(try value.doubles() == [16_777_280])
    }

    @Test func zeroTimesInfinityIsNaN() throws {
        let a = try HostTensor([Float.infinity, 1], shape: [2])
        let b = try HostTensor([Float(0), 1], shape: [2])
        let value = try evaluated(Contract(batch: [], contracted: [(0, 0)], result: .float32), [a, b])
        #expect(try value.doubles()[0].isNaN)
    }

    @Test func refusesWhatDoesNotFit() throws {
        let recorder = Recorder()
        let a = recorder.input("a", TensorType(.float32, [2, 3]))
        let b = recorder.input("b", TensorType(.float32, [4, 5]))
        let c = recorder.input("c", TensorType(.int8, [3, 5]))
        #expect(throws: Diagnostic.self) { try a.contracted(with: b, contracted: [(1, 0)]) }
        #expect(throws: Diagnostic.self) { try a.contracted(with: c, contracted: [(1, 0)]) }
        #expect(throws: Diagnostic.self) { try a.contracted(with: b, contracted: [(7, 0)]) }
        #expect(throws: Diagnostic.self) { try a.contracted(with: b, batch: [(0, 0)], contracted: [(0, 1)]) }
        #expect(throws: Diagnostic.self) { try a.contracted(with: a, contracted: [(1, 1)], result: .float16) }
    }
}
