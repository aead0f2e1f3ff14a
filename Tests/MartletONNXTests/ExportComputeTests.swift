import MartletCore
import MartletIR
import MartletONNX
import Testing

@Suite("Export: reductions, products, regions") struct ExportComputeTests {
    @Test(.onnxRuntime) func reductions() throws {
        let x = try ExportSample.Input.ramp(.float32, [2, 6, 5], [0: "n", 1: "m"])
        let bytes = try ExportSample.Input.ramp(.int8, [4, 6], [0: "n"])
        try expectSameOutputs([
            ExportSample("reduce", [x]) { x, _ in
                try [.sum, .prod, .max, .min].map { try x[0].reduced($0, axes: [0, 2]) }
                    + [try x[0].reduced(.sum, axes: [1], keepingAxes: true), try x[0].reduced(.sum, axes: [])]
            },
            ExportSample("reduce_bytes", [bytes]) { x, _ in
                let isSmall = try x[0].compared(.lt, Tensor(9, as: .int8))
                return [
                    try x[0].reduced(.sum, axes: [1]), try x[0].reduced(.max, axes: [0]),
                    try isSmall.reduced(.and, axes: [1]), try isSmall.reduced(.or, axes: [0, 1]),
                ]
            },
            ExportSample("argreduce", [x]) { x, _ in
                let rounded = try x[0].mapped(.round)
                return [
                    try rounded.argReduced(maximum: true, axes: [1]),
                    try rounded.argReduced(maximum: false, axes: [1, 2]),
                    try rounded.argReduced(maximum: true, axes: [0, 1], lastTie: true),
                ]
            },
            ExportSample("cumulate", [x]) { x, _ in
                try [.sum, .prod, .max, .min].map { try x[0].cumulated($0, axis: 1) }
            },
            ExportSample("sort", [x]) { x, _ in
                let (ascending, descending) = (
                    try x[0].sorted(axis: 1), try x[0].sorted(axis: 2, descending: true, count: 3)
                )
                return [ascending.values, ascending.indices, descending.values, descending.indices]
            },
        ])
    }

    @Test(.onnxRuntime) func products() throws {
        let a = try ExportSample.Input.ramp(.float32, [2, 3, 4], [0: "n", 1: "m"])
        let b = try ExportSample.Input.ramp(.float32, [2, 4, 5], [0: "n"])
        let w = try ExportSample.Input.ramp(.float32, [4, 5])
        let m = try ExportSample.Input.ramp(.float32, [3, 4], [0: "m"])
        let bias = try ExportSample.Input.ramp(.float32, [4])
        try expectSameOutputs([
            ExportSample("batched", [a, b], operators: ["MatMul"]) { x, _ in
                [try x[0].contracted(with: x[1], batch: [(0, 0)], contracted: [(2, 1)])]
            },
            ExportSample("weights", [a, w], operators: ["MatMul"]) { x, _ in
                [try x[0].contracted(with: x[1], contracted: [(2, 0)])]
            },
            ExportSample("vector", [a, bias], operators: ["MatMul"]) { x, _ in
                [try x[0].contracted(with: x[1], contracted: [(2, 0)])]
            },
            ExportSample("gemm", [m, w, bias], operators: ["Gemm"]) { x, _ in
                let product = try x[1].contracted(with: x[0], contracted: [(0, 1)])
                return [try product.contracted(with: x[0], contracted: [(1, 0)]) + x[2]]
            },
            ExportSample("einsum", [a, b], operators: ["Einsum"]) { x, _ in
                [
                    try x[0].contracted(with: x[0], batch: [(0, 0)], contracted: [(2, 2)]),
                    try x[0].contracted(with: x[1], contracted: [(0, 0), (2, 1)]),
                    try x[0].contracted(with: x[1], batch: [(2, 1)], contracted: []),
                ]
            },
            ExportSample("mixed", [try .ramp(.uint8, [3, 4]), try .ramp(.int8, [4, 2])]) { x, _ in
                [
                    try x[0].contracted(with: x[1], contracted: [(1, 0)], result: .int32),
                    try x[1].contracted(with: x[1], contracted: [(0, 0)], result: .int32),
                ]
            },
        ])
    }

    @Test(.onnxRuntime) func convolutions() throws {
        let x = try ExportSample.Input.ramp(.float32, [2, 4, 7, 6], [0: "n", 2: "h"])
        let w = try ExportSample.Input.ramp(.float32, [6, 2, 3, 2])
        let bias = try ExportSample.Input.ramp(.float32, [6])
        let fixed = w.tensor
        try expectSameOutputs([
            ExportSample("conv", [x, w], operators: ["Conv"]) { x, _ in
                [
                    try x[0].convolved(
                        with: x[1], stride: [2, 1], low: [1, 0], high: [0, 2], dilation: [1, 2], groups: 2)
                ]
            },
            ExportSample("conv_bias", [x, w, bias], operators: ["Conv"]) { x, _ in
                let y = try x[0].convolved(with: x[1], groups: 2)
                return [y + (try x[2].reshaped(to: [6, 1, 1]))]
            },
            ExportSample("conv_cropped", [x, w]) { x, _ in
                [try x[0].convolved(with: x[1], low: [-1, 0], high: [try x[0].shape[2], -1], groups: 2)]
            },
            ExportSample("conv_transposed", [x], operators: ["ConvTranspose"]) { x, _ in
                [
                    try x[0].convolved(
                        with: Tensor(fixed), low: [1, 0], high: [2, 1], inputDilation: [2, 3], groups: 2)
                ]
            },
            ExportSample("conv_spread", [x, w]) { x, _ in
                [
                    try x[0].convolved(
                        with: x[1], stride: [2, 1], low: [1, 0], high: [2, 1], inputDilation: [2, 3], groups: 2)
                ]
            },
            ExportSample("conv_bytes", [try .ramp(.uint8, [1, 2, 5]), try .ramp(.int8, [3, 2, 2])]) { x, _ in
                [try x[0].convolved(with: x[1], low: [1], high: [0], result: .int32)]
            },
            ExportSample("max_pool", [x], operators: ["MaxPool"]) { x, _ in
                let padded = try x[0].padded(
                    low: [0, 0, 1, 0], high: [0, 0, 1, 1], with: Tensor(-.infinity, as: .float32))
                let windows = try padded.windowed([.init(axis: 2, size: 3, stride: 2), .init(axis: 3, size: 2)])
                return [try windows.reduced(.max, axes: [4, 5])]
            },
        ])
    }

    @Test(.onnxRuntime) func poolings() throws {
        let x = try ExportSample.Input.ramp(.float32, [2, 3, 7, 6], [0: "n", 2: "h"])
        let windows = [Window.Axis(axis: 2, size: 3, stride: 2), Window.Axis(axis: 3, size: 2)]
        @Sendable func sums(_ x: Tensor) throws -> Tensor {
            let padded = try x.padded(low: [0, 0, 1, 0], high: [0, 0, 2, 1], with: Tensor(0, as: .float32))
            return try padded.windowed(windows).reduced(.sum, axes: [4, 5])
        }
        try expectSameOutputs([
            ExportSample("average", [x], operators: ["AveragePool"]) { x, _ in [try sums(x[0]) / 6] },
            ExportSample("sum", [x], operators: ["AveragePool", "Mul"]) { x, _ in [try sums(x[0])] },
            ExportSample("other_fill", [x]) { x, _ in
                let one = try Tensor(1, as: .float32)
                let padded = try x[0].padded(low: [0, 0, 1, 0], high: [0, 0, 0, 1], with: one)
                return [
                    try padded.windowed(windows).reduced(.sum, axes: [4, 5]),
                    try padded.windowed(windows).reduced(.max, axes: [4, 5]),
                ]
            },
        ])
    }

    @Test(.onnxRuntime) func bytes() throws {
        let (a, b) = (try ExportSample.Input.ramp(.uint8, [3, 4]), try ExportSample.Input.ramp(.int8, [4, 2]))
        let point = try ExportSample.Input.integers([7], [], as: .uint8)
        let image = try ExportSample.Input.ramp(.uint8, [1, 2, 5, 4])
        let weights = try ExportSample.Input.ramp(.uint8, [3, 2, 2, 2])
        let nine = try ExportSample.Input.integers([9], [1], as: .uint8)
        try expectSameOutputs([
            ExportSample("matmul", [a, b, point], operators: ["MatMulInteger"]) { x, _ in
                let left = try x[0].cast(to: .int32) - x[2].cast(to: .int32)
                let right = try x[1].cast(to: .int32) - Tensor(-3, as: .int32)
                return [try left.contracted(with: right, contracted: [(1, 0)], result: .int32)]
            },
            ExportSample("convolution", [image, weights, nine]) { x, _ in
                let kernel = try x[1].cast(to: .int32)
                let zeros = try x[2].reshaped(to: []).cast(to: .int32)
                return [
                    try x[0].cast(to: .int32).mapped(.sub, Tensor(5, as: .int32)).convolved(
                        with: kernel - zeros, low: [0, 1], high: [1, 0])
                ]
            },
        ])
    }

    @Test(.onnxRuntime) func branches() throws {
        let x = try ExportSample.Input.ramp(.float32, [2, 5], [0: "n", 1: "m"])
        let on = try ExportSample.Input.integers([1], [], as: .bool)
        let off = try ExportSample.Input.integers([0], [], as: .bool)
        var samples: [ExportSample] = []
        for (name, condition) in [("then", on), ("else", off)] {
            samples.append(
                ExportSample("if_\(name)", [condition, x]) { x, _ in
                    let m = try x[1].shape[1]
                    let results = try Tensor.branch(
                        x[0], then: { [try x[1].sliced(axis: 1, start: 1, size: m - 1), x[1]] },
                        else: { [x[1] * 2, x[1] + 1] })
                    // The first result's extent is known after the branch only.
                    let extent = try Tensor.dimension(try results[0].shape[1])
                    return results + [extent, results[1]]
                })
            samples.append(
                ExportSample("nested_\(name)", [condition, x]) { x, _ in
                    let row = try x[1].reduced(.sum, axes: [0])
                    return try Tensor.branch(
                        x[0],
                        then: {
                            let isLong = try Tensor.dimension(try x[1].shape[1]).compared(.gt, Tensor(3, as: .int64))
                            return try Tensor.branch(isLong, then: { [x[1] + row] }, else: { [x[1]] })
                        }, else: { [x[1] * (try row.expanded(to: try x[1].shape))] })
                })
        }
        samples.append(
            ExportSample("fail", [on, x]) { x, _ in
                let type = try x[1].type
                let failure = Diagnostic("test.fail", "never")
                return try Tensor.branch(
                    x[0], then: { [x[1]] }, else: { try Tensor.apply(MartletIR.Fail(failure, results: [type]), []) })
            })
        try expectSameOutputs(samples)
    }

    @Test(.onnxRuntime) func failureFails() throws {
        let x = try ExportSample.Input.ramp(.float32, [2, 5], [0: "n"])
        let sample = ExportSample("fail", [try .integers([0], [], as: .bool), x]) { x, _ in
            let failure = Diagnostic("test.fail", "always")
            let types = [try x[1].type]
            return try Tensor.branch(
                x[0], then: { [x[1]] }, else: { try Tensor.apply(MartletIR.Fail(failure, results: types), []) })
        }
        var judge = try ExportJudge()
        let model = try ONNXExporter.export(try sample.graph(), opset: 15)
        try judge.add("fail", model, sample.inputs.map(\.tensor), [x.tensor])
        let problems = try judge.problems()
        #expect(problems.count == 1 && problems[0].contains("out of data bounds"), "\(problems)")
    }

    @Test(.onnxRuntime) func loops() throws {
        let x = try ExportSample.Input.ramp(.float32, [4, 3], [0: "t"])
        let state = try ExportSample.Input.ramp(.float32, [3])
        let one = try ExportSample.Input.integers([1], [], as: .bool)
        try expectSameOutputs([
            ExportSample("scan", [x, state], operators: ["Scan"]) { x, _ in
                let result = try Tensor.loop(trip: try x[0].shape[0], condition: nil, states: [x[1]], scanned: [x[0]]) {
                    _, states, slices in
                    let next = states[0] * 0.5 + slices[0]
                    return (nil, [next], [next * 2])
                }
                return result.states + result.stacked
            },
            ExportSample("counted", [x, state]) { x, _ in
                let result = try Tensor.loop(trip: try x[0].shape[0], condition: nil, states: [x[1]], scanned: [x[0]]) {
                    turn, states, slices in
                    (nil, [states[0] + slices[0] * (try turn.cast(to: .float32))], [turn])
                }
                return result.states + result.stacked
            },
            ExportSample("while", [one, state]) { x, _ in
                let limit = try Tensor(40, as: .float32)
                let result = try Tensor.loop(trip: nil, condition: x[0], states: [x[1]], scanned: []) { _, states, _ in
                    let next = states[0] * 2 + 1
                    let goesOn = try next.reduced(.max, axes: [0]).compared(.lt, limit)
                    return (goesOn, [next], [states[0]])
                }
                return result.states + result.stacked + [try Tensor.dimension(try result.stacked[0].shape[0])]
            },
            ExportSample("growing", [one, state]) { x, _ in
                let result = try Tensor.loop(trip: 3, condition: nil, states: [x[1]], scanned: []) { _, states, _ in
                    (nil, [try Tensor.concatenate([states[0], x[1]], axis: 0)], [])
                }
                return result.states + [try Tensor.dimension(try result.states[0].shape[0])]
            },
        ])
    }

    @Test(.onnxRuntime) func boundSizes() throws {
        let count = try ExportSample.Input.integers([3], [], as: .int32)
        let x = try ExportSample.Input.ramp(.float32, [6, 2], [0: "n"])
        try expectSameOutputs([
            ExportSample("bound", [count, x]) { x, recorder in
                let k = try recorder.bind(x[0], "k", lower: 1)
                return [
                    try Tensor.iota(shape: [k, 2], axis: 0), try x[1].sliced(axis: 0, start: 0, size: k),
                    try x[1].reshaped(to: [k, try x[1].shape[0] * 2 - 8]),
                ]
            }
        ])
    }
}
