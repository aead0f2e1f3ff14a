import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite struct ConvolveTests {
    private struct Case {
        var x: [Int], w: [Int]
        var stride: [Int], low: [Int], high: [Int]
        var dilation: [Int], inputDilation: [Int]
        var groups = 1

        init(_ x: [Int], _ w: [Int], groups: Int = 1) {
            let ones = x.dropFirst(2).map { _ in 1 }
            (self.x, self.w, self.groups) = (x, w, groups)
            (stride, dilation, inputDilation) = (ones, ones, ones)
            (low, high) = (ones.map { _ in 0 }, ones.map { _ in 0 })
        }

        func operation(_ result: ElementType) -> Convolve {
            Convolve(
                stride: stride, low: low.map { IntExpr($0) }, high: high.map { IntExpr($0) }, dilation: dilation,
                inputDilation: inputDilation, groups: groups, result: result)
        }
    }

    private func random(_ samples: inout SplitMix64) -> Case {
        let rank = samples.int(1...3)
        let groups = samples.int(1...3)
        let channels = samples.int(1...2)
        let spatial = (0..<rank).map { _ in samples.int(1...6) }
        let kernel = (0..<rank).map { _ in samples.int(1...3) }
        var result = Case(
            [samples.int(1...2), groups * channels] + spatial, [groups * samples.int(1...5), channels] + kernel,
            groups: groups)
        for axis in 0..<rank {
            result.stride[axis] = samples.int(1...3)
            result.low[axis] = samples.int(-1...2)
            result.high[axis] = samples.int(-1...2)
            result.dilation[axis] = samples.int(1...2)
            result.inputDilation[axis] = samples.int(1...3)
        }
        return result
    }

    /// The definition: x is widened and padded, and each window is multiplied out.
    private func reference(_ x: HostTensor, _ w: HostTensor, _ c: Case) throws -> (values: [Double], shape: [Int]) {
        let (values, weights) = (try x.doubles(), try w.doubles())
        let spatial = c.stride.indices.map { axis in
            let padded = (c.x[axis + 2] - 1) * c.inputDilation[axis] + 1 + c.low[axis] + c.high[axis]
            let room = padded - ((c.w[axis + 2] - 1) * c.dilation[axis] + 1)
            return room < 0 ? 0 : room / c.stride[axis] + 1
        }
        let shape = [c.x[0], c.w[0]] + spatial
        let sums = indices(of: shape).map { index in
            var sum = 0.0
            let group = index[1] / (c.w[0] / c.groups)
            for tap in indices(of: Array(c.w.dropFirst())) {
                var source = [index[0], group * c.w[1] + tap[0]]
                for axis in c.stride.indices {
                    let place = index[axis + 2] * c.stride[axis] + tap[axis + 1] * c.dilation[axis] - c.low[axis]
                    let isElement = place >= 0 && place % c.inputDilation[axis] == 0
                    source.append(isElement ? place / c.inputDilation[axis] : -1)
                }
                guard zip(source, c.x).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
                sum += values[position(source, in: c.x)] * weights[position([index[1]] + tap, in: c.w)]
            }
            return sum
        }
        return (sums, shape)
    }

    private func check(_ c: Case, _ x: ElementType, _ w: ElementType, _ result: ElementType, seed: UInt64) throws {
        var samples = SplitMix64(seed: seed)
        let tensors = try [(x, c.x), (w, c.w)].map { type, shape in
            let values = (0..<shape.reduce(1, *)).map { _ in Double(samples.int(type.isSigned ? -4...4 : 0...8)) }
            return try HostTensor.fromDoubles(values, as: type, shape: shape)
        }
        let value = try evaluated(c.operation(result), tensors, checkingForm: c.w.reduce(1, *) < 40)
        let expected = try reference(tensors[0], tensors[1], c)
        #expect(value.shape == expected.shape, "\(c)")
        #expect(
            try sameValues(value, HostTensor.fromDoubles(expected.values, as: result, shape: expected.shape)), "\(c)")
    }

    @Test func randomConvolutionsEqualTheDefinition() throws {
        var samples = SplitMix64(seed: 11)
        for round in 0..<150 { try check(random(&samples), .float32, .float32, .float32, seed: UInt64(round)) }
    }

    @Test(arguments: [
        (ElementType.uint8, ElementType.int8, ElementType.int32), (.int64, .int64, .int64),
        (.float16, .float16, .float32),
    ])
    func otherTypes(_ x: ElementType, _ w: ElementType, _ result: ElementType) throws {
        var c = Case([2, 4, 5, 4], [6, 2, 3, 2], groups: 2)
        c.low = [1, 0]
        c.high = [1, 1]
        c.stride = [2, 1]
        try check(c, x, w, result, seed: 3)
    }

    @Test func pointwiseAndDepthwise() throws {
        try check(Case([2, 3, 4, 5], [7, 3, 1, 1]), .float32, .float32, .float32, seed: 1)
        var c = Case([1, 6, 5, 5], [6, 1, 3, 3], groups: 6)
        (c.low, c.high) = ([1, 1], [1, 1])
        try check(c, .float32, .float32, .float32, seed: 2)
    }

    @Test func emptyAndTooSmall() throws {
        try check(Case([0, 2, 4], [3, 2, 2]), .float32, .float32, .float32, seed: 1)
        try check(Case([1, 2, 1], [3, 2, 4]), .float32, .float32, .float32, seed: 1)
        try check(Case([1, 0, 4], [3, 0, 2]), .float32, .float32, .float32, seed: 1)
    }

    @Test func guardsOnlyWhereTheWindowMayLeave() throws {
        var c = Case([1, 2, 8, 8], [4, 2, 3, 3])
        c.low = [0, 1]
        let types = [c.x, c.w].map { shape in TensorType(.float32, shape.map { IntExpr($0) }) }
        let operation = c.operation(.float32)
        let scope = Recorder()
        let result = TensorType(.float32, [1, 4, 6, 7])
        guard case .loops(let loops) = try operation.kernelForm(operands: types, results: [result]) else {
            Issue.record("no loops")
            return
        }
        let guards = loops[0].body.nodes.compactMap { node in
            if case .guarded(let guards, _, _) = node { return guards.count }
            return nil
        }
        #expect(guards == [1])
        _ = scope
    }

    @Test func symbolicSizes() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n", lower: 1))
        let x = recorder.input("x", TensorType(.float32, [n, 3, n, 32]))
        let w = recorder.input("w", TensorType(.float32, [8, 3, 3, 3]))
        let y = try x.convolved(with: w, stride: [2, 1], low: [1, 1], high: [1, 1])
        #expect(try y.shape == [n, 8, (n - 1).floorDivided(by: 2) + 1, 32])
    }

    @Test func refusesWhatDoesNotFit() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [1, 3, 8, 8]))
        let w = recorder.input("w", TensorType(.float32, [8, 2, 3, 3]))
        let v = recorder.input("v", TensorType(.float32, [8, 3, 3, 3]))
        #expect(throws: Diagnostic.self) { try x.convolved(with: w) }
        #expect(throws: Diagnostic.self) { try x.convolved(with: v, stride: [0, 1]) }
        #expect(throws: Diagnostic.self) { try x.convolved(with: v, dilation: [1, .max]) }
        #expect(throws: Diagnostic.self) { try x.convolved(with: v, groups: 3) }
        let huge = try HostTensor(zeros: .float32, shape: [1, 1, 1])
        #expect(throws: Diagnostic.self) {
            try Tensor(huge).convolved(with: Tensor(huge), low: [IntExpr(Int.max)], high: [IntExpr(Int.max)])
        }
    }
}
