import MartletCore
import MartletIR
import TestSupport
import Testing

/// Each view on random shapes against the formula of its elements, and its kernel form against its evaluation.
@Suite struct ViewTests {
    static let types: [ElementType] = [
        .bool, .int4, .uint8, .float16, .float32, .float64, .complex128, .float6e2m3, .string,
    ]
    static let rounds = 30

    /// Checks shape and every element: `source` gives the index read in `x`, or nil for the fill value.
    private func expect(
        _ result: HostTensor, _ x: HostTensor, shape: [Int], fill: HostTensor? = nil,
        _ source: ([Int]) -> [Int]?
    ) {
        #expect(result.shape == shape)
        guard result.shape == shape else { return }
        for index in indices(of: shape) {
            if let from = source(index) {
                #expect(element(result, index) == element(x, from), "at \(index)")
            } else if let fill {
                #expect(element(result, index) == element(fill, []), "at \(index)")
            }
        }
    }

    @Test(arguments: types) func transposeMovesAxes(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 1)
        for _ in 0..<Self.rounds {
            let x = try samples.bits(type, samples.shape())
            let permutation = x.shape.indices.shuffled(using: &samples)
            let result = try evaluated(Transpose(permutation), [x])
            expect(result, x, shape: permutation.map { x.shape[$0] }) { index in
                var source = index
                for (axis, from) in permutation.enumerated() { source[from] = index[axis] }
                return source
            }
        }
    }

    @Test(arguments: types) func broadcastRepeats(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 2)
        for _ in 0..<Self.rounds {
            let shape = samples.shape()
            let axes = shape.indices.filter { _ in samples.int(0...2) > 0 }
            let own = axes.map { samples.int(0...2) == 0 ? 1 : shape[$0] }
            let x = try samples.bits(type, own)
            let result = try evaluated(Broadcast(shape: shape.map { IntExpr($0) }, axes: axes), [x])
            expect(result, x, shape: shape) { index in
                zip(axes, own).map { $1 == 1 ? 0 : index[$0] }
            }
        }
    }

    @Test(arguments: types) func sliceStepsEitherWay(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 3)
        for _ in 0..<Self.rounds {
            let x = try samples.bits(type, samples.shape(extents: 1...6))
            let step = x.shape.map { _ in samples.int(0...1) == 0 ? samples.int(1...3) : -samples.int(1...3) }
            let start = x.shape.map { samples.int(0...$0 - 1) }
            let size = x.shape.indices.map { axis in
                let room = step[axis] > 0 ? x.shape[axis] - 1 - start[axis] : start[axis]
                return samples.int(0...room / abs(step[axis]) + 1)
            }
            let operation = Slice(
                start: start.map { IntExpr($0) }, size: size.map { IntExpr($0) }, step: step.map { IntExpr($0) })
            let result = try evaluated(operation, [x])
            expect(result, x, shape: size) { index in
                index.indices.map { start[$0] + index[$0] * step[$0] }
            }
        }
    }

    @Test(arguments: types) func padFillsAroundAndBetween(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 4)
        for _ in 0..<Self.rounds {
            let x = try samples.bits(type, samples.shape(rank: 0...3))
            let fill = try samples.bits(type, [])
            let low = x.shape.map { _ in samples.int(-2...3) }
            let interior = x.shape.map { _ in samples.int(0...2) }
            let spread = zip(x.shape, interior).map { $0 + max(0, $0 - 1) * $1 }
            let high = zip(low, spread).map { samples.int(max(-$0 - $1, -2)...4) }
            let shape = spread.indices.map { low[$0] + spread[$0] + high[$0] }
            let operation = Pad(low: low.map { IntExpr($0) }, high: high.map { IntExpr($0) }, interior: interior)
            let result = try evaluated(operation, [x, fill])
            expect(result, x, shape: shape, fill: fill) { index in
                let source = index.indices.map { axis -> Int in
                    let place = index[axis] - low[axis]
                    guard place >= 0, place % (interior[axis] + 1) == 0 else { return -1 }
                    return place / (interior[axis] + 1)
                }
                return zip(source, x.shape).allSatisfy({ $0 >= 0 && $0 < $1 }) ? source : nil
            }
        }
    }

    @Test(arguments: types) func concatJoins(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 5)
        for _ in 0..<Self.rounds {
            let shape = samples.shape(rank: 1...3)
            let axis = samples.int(0...shape.count - 1)
            let tensors = try (0..<samples.int(1...4)).map { _ -> HostTensor in
                var own = shape
                own[axis] = samples.int(0...3)
                return try samples.bits(type, own)
            }
            let result = try evaluated(Concat(axis: axis), tensors)
            #expect(result.shape[axis] == tensors.map { $0.shape[axis] }.reduce(0, +))
            for index in indices(of: result.shape) {
                var (from, rest) = (index, tensors[...])
                while let first = rest.first, from[axis] >= first.shape[axis] {
                    from[axis] -= first.shape[axis]
                    rest = rest.dropFirst()
                }
                #expect(element(result, index) == element(rest[rest.startIndex], from))
            }
        }
    }

    @Test(arguments: types) func windowSlides(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 6)
        for _ in 0..<Self.rounds {
            let x = try samples.bits(type, samples.shape(rank: 1...3, extents: 0...6))
            let numbers = x.shape.indices.filter { _ in samples.int(0...1) == 0 }.shuffled(using: &samples)
            let axes = numbers.map {
                Window.Axis(
                    axis: $0, size: IntExpr(samples.int(1...3)), stride: samples.int(1...3),
                    dilation: samples.int(1...2))
            }
            let sizes = axes.map { $0.size.constant ?? 0 }
            var shape = x.shape
            for (window, size) in zip(axes, sizes) {
                let starts = (0..<shape[window.axis]).filter {
                    $0 % window.stride == 0 && $0 + (size - 1) * window.dilation < shape[window.axis]
                }
                shape[window.axis] = starts.count
            }
            let result = try evaluated(Window(axes), [x])
            expect(result, x, shape: shape + sizes) { index in
                var source = Array(index.prefix(x.shape.count))
                for (number, window) in axes.enumerated() {
                    source[window.axis] =
                        source[window.axis] * window.stride + index[x.shape.count + number] * window.dilation
                }
                return source
            }
        }
    }

    @Test(arguments: types) func reshapeKeepsOrder(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 7)
        for _ in 0..<Self.rounds {
            let factors = (0..<samples.int(0...5)).map { _ in samples.int(1...3) }
            let (from, to) = (grouped(factors, &samples), grouped(factors, &samples))
            let x = try samples.bits(type, from)
            let result = try evaluated(Reshape(shape: to.map { IntExpr($0) }), [x])
            #expect(result.shape == to)
            for (a, b) in zip(indices(of: to), indices(of: from)) { #expect(element(result, a) == element(x, b)) }
        }
    }

    /// Neighbouring factors multiplied at random, with ones put between.
    private func grouped(_ factors: [Int], _ samples: inout SplitMix64) -> [Int] {
        var shape: [Int] = []
        for factor in factors {
            if samples.int(0...3) == 0 { shape.append(1) }
            if let last = shape.last, samples.int(0...1) == 0 {
                shape[shape.count - 1] = last * factor
            } else {
                shape.append(factor)
            }
        }
        return shape
    }

    @Test(arguments: types, [Gather.Mode.clamp, .fill, .check])
    func gatherReadsAtIndices(_ type: ElementType, _ mode: Gather.Mode) throws {
        var samples = SplitMix64(seed: 8)
        for _ in 0..<Self.rounds {
            let x = try samples.bits(type, samples.shape(rank: 1...3, extents: 1...4))
            let axes = x.shape.indices.filter { _ in samples.int(0...1) == 0 }
            if axes.isEmpty { continue }
            let indexShape = samples.shape(rank: 0...2, extents: 0...3)
            let indexType: ElementType = samples.int(0...1) == 0 ? .int64 : .int32
            let tensors = try axes.map { axis -> HostTensor in
                let range = mode == .check ? 0...x.shape[axis] - 1 : -2...x.shape[axis] + 1
                let values = (0..<indexShape.reduce(1, *)).map { _ in Int64(samples.int(range)) }
                return try HostTensor.fromInts(values, as: indexType, shape: indexShape)
            }
            let fill = try samples.bits(type, [])
            let operands = [x] + tensors + (mode == .fill ? [fill] : [])
            let result = try evaluated(Gather(axes: axes, mode: mode), operands)
            let rest = x.shape.indices.filter { !axes.contains($0) }
            let values = try tensors.map { try $0.ints() }
            expect(result, x, shape: indexShape + rest.map { x.shape[$0] }, fill: fill) { index in
                let point = position(Array(index.prefix(indexShape.count)), in: indexShape)
                var source = [Int](repeating: 0, count: x.shape.count)
                for (number, axis) in rest.enumerated() { source[axis] = index[indexShape.count + number] }
                for (number, axis) in axes.enumerated() {
                    let wanted = Int(values[number][point])
                    source[axis] = min(max(wanted, 0), x.shape[axis] - 1)
                    if mode == .fill, source[axis] != wanted { return nil }
                }
                return source
            }
        }
    }

    @Test func iotaCountsInEveryType() throws {
        let types: [ElementType] = [.int4, .uint8, .int32, .int64, .float16, .bfloat16, .float32, .float64]
        for type in types {
            let result = try evaluated(Iota(shape: [2, 3, 1], axis: 1, type: type), [])
            #expect(try result.doubles() == [0, 1, 2, 0, 1, 2])
            #expect(result.type == type)
            #expect(try evaluated(Iota(shape: [1, 3], axis: 0, type: type), []).doubles() == [0, 0, 0])
            #expect(try evaluated(Iota(shape: [0, 3], axis: 1, type: type), []).count == 0)
        }
    }

    @Test func rebitsKeepsBits() throws {
        let words = try HostTensor([0x0403_0201, 0x0807_0605] as [UInt32], shape: [2])
        let bytes = try evaluated(Rebits(to: .uint8), [words])
        #expect(bytes.shape == [2, 4])
        #expect(try bytes.ints() == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(try evaluated(Rebits(to: .uint32), [bytes]).isIdentical(to: words))
        let nibbles = try evaluated(Rebits(to: .uint4), [bytes])
        #expect(try nibbles.ints().prefix(4) == [1, 0, 2, 0])
        #expect(try evaluated(Rebits(to: .uint8), [nibbles]).isIdentical(to: bytes))
    }
}
