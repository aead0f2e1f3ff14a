import MartletCore
import MartletIR
import MartletONNX
import Testing

@Suite("Export: sizes, views, gathers") struct ExportViewTests {
    private func cube() throws -> ExportSample.Input { try .ramp(.float32, [2, 6, 5], [0: "n", 1: "m"]) }

    @Test(.onnxRuntime) func sizes() throws {
        let x = try cube()
        try expectSameOutputs([
            ExportSample("dimensions", [x], opsets: [13, 15, 18, 24]) { x, _ in
                let (n, m) = (try x[0].shape[0], try x[0].shape[1])
                return try [
                    n, m * n + 3, (m - 1).floorDivided(by: 2), (n - m).floorDivided(by: 4), m.modulo(4),
                    IntExpr.max(n, m - 3), IntExpr.min(n * 2, m), (m + n * 4 - 1).ceilDivided(by: n), 7,
                ].map { try Tensor.dimension($0) }
            },
            ExportSample("iota", [x]) { x, _ in
                let shape = try x[0].shape
                return [
                    try Tensor.iota(shape: [shape[1]], axis: 0), try Tensor.iota(shape: shape, axis: 1, type: .float32),
                    try Tensor.iota(shape: [4, 3], axis: 0, type: .int32),
                ]
            },
        ])
    }

    @Test(.onnxRuntime) func reshapes() throws {
        let x = try cube()
        try expectSameOutputs([
            ExportSample("reshape", [x]) { x, _ in
                let shape = try x[0].shape
                return [
                    try x[0].reshaped(to: [shape[0], shape[1] * 5]), try x[0].reshaped(to: [shape[0] * shape[1], 5]),
                    try x[0].reshaped(to: [5, shape[1], shape[0]]),
                    try x[0].reshaped(to: [shape[0], 1, shape[1], 5, 1]),
                    try x[0].reshaped(to: [shape[0] * shape[1] * 5]),
                ]
            },
            ExportSample("squeeze", [try .ramp(.float32, [1, 4, 1], [1: "m"])], operators: ["Squeeze"]) { x, _ in
                [try x[0].reshaped(to: [try x[0].shape[1]]), try x[0].reshaped(to: [try x[0].shape[1], 1])]
            },
            ExportSample("transpose", [x], operators: ["Transpose"]) { x, _ in [try x[0].transposed([2, 0, 1])] },
            ExportSample("concat", [x], operators: ["Concat", "Neg"]) { x, _ in
                [try Tensor.concatenate([x[0], -x[0], x[0]], axis: 1)]
            },
        ])
    }

    @Test(.onnxRuntime) func slicesAndPads() throws {
        let x = try cube()
        try expectSameOutputs([
            ExportSample("slice", [x]) { x, _ in
                let shape = try x[0].shape
                let m = shape[1]
                return [
                    try x[0].sliced(axis: 1, start: 1, size: m - 1),
                    try x[0].sliced(axis: 1, start: m - 1, size: m, step: -1),
                    try x[0].sliced(axis: 2, start: 4, size: 3, step: -2),
                    try x[0].sliced(axis: 2, start: 1, size: 2, step: 2),
                    try x[0].sliced(start: [shape[0] - 1, 0, 1], size: [1, m - 2, 2]),
                    try x[0].sliced(axis: 1, start: m - 2, size: 2, step: 2 - m.floorDivided(by: 2)),
                ]
            },
            ExportSample("pad", [x]) { x, _ in
                let fill = try Tensor(7, as: .float32)
                let n = try x[0].shape[0]
                return [
                    try x[0].padded(low: [0, 1, 0], high: [0, 2, 1], with: fill),
                    try x[0].padded(low: [n, -1, 0], high: [0, 0, -1], with: fill),
                    try x[0].padded(low: [0, 1, 0], high: [0, 0, 0], interior: [0, 1, 2], with: fill),
                ]
            },
            ExportSample("window", [x]) { x, _ in
                [
                    try x[0].windowed([.init(axis: 1, size: 3, stride: 2), .init(axis: 2, size: 2, dilation: 2)]),
                    try x[0].windowed([.init(axis: 2, size: 3)]),
                ]
            },
        ])
    }

    @Test(.onnxRuntime) func gathers() throws {
        let x = try cube()
        let index = try ExportSample.Input.integers([0, 4, 2, 1], [2, 2])
        let wild = try ExportSample.Input.integers([-1, 7, 2, 1], [4], as: .int32)
        let points = try ExportSample.Input.integers([1, 0, 1], [3], [0: "k"])
        try expectSameOutputs([
            ExportSample("gather", [x, index]) { x, _ in
                [
                    try x[0].gathered([x[1]], axes: [2], mode: .check),
                    try x[0].gathered([x[1]], axes: [1], mode: .check),
                ]
            },
            ExportSample("gather_in_place", [x, index], operators: ["Gather"]) { x, _ in
                [try x[0].gathered([x[1]], axes: [2], mode: .check).transposed([2, 3, 0, 1])]
            },
            ExportSample("wrapped", [x, try .integers([-1, 0, 3], [3])], operators: ["Gather"]) { x, _ in
                let (zero, extent) = (try Tensor(0, as: .int64), try Tensor.dimension(try x[0].shape[1]))
                let wrapped = try Tensor.select(try x[1].compared(.lt, zero), x[1] + extent, x[1])
                return [try x[0].gathered([wrapped], axes: [1], mode: .check).transposed([1, 0, 2])]
            },
            ExportSample("gather_points", [x, points, points]) { x, _ in
                [
                    try x[0].gathered([x[1], x[2]], axes: [0, 1], mode: .check),
                    try x[0].gathered([x[1], x[2]], axes: [0, 2], mode: .check),
                ]
            },
            ExportSample("clamp_fill", [x, wild]) { x, _ in
                let fill = try Tensor(9, as: .float32)
                let other = try x[1].mapped(.neg)
                return [
                    try x[0].gathered([x[1]], axes: [1], mode: .clamp),
                    try x[0].gathered([x[1]], axes: [1], mode: .fill, fill: fill),
                    try x[0].gathered([x[1], other], axes: [1, 2], mode: .fill, fill: fill),
                ]
            },
        ])
    }

    @Test(.onnxRuntime) func scatters() throws {
        let x = try cube()
        let rows = try ExportSample.Input.integers([3, 0, 3], [3])
        let wild = try ExportSample.Input.integers([-1, 6, 2], [3])
        let update = try ExportSample.Input.ramp(.float32, [3, 2, 5], [1: "n"])
        let place = try ExportSample.Input.ramp(.float32, [3, 5])
        try expectSameOutputs([
            ExportSample("set", [x, try .integers([1, 4, 2], [3]), update]) { x, _ in
                [try x[0].scattered([x[1]], updates: x[2], axes: [1], mode: .set, checked: true)]
            },
            ExportSample("add_mul", [x, rows, update], opsets: [16, 18, 22]) { x, _ in
                [
                    try x[0].scattered([x[1]], updates: x[2], axes: [1], mode: .add, checked: true),
                    try x[0].scattered([x[1]], updates: x[2], axes: [1], mode: .mul, checked: true),
                ]
            },
            ExportSample("max_min", [x, rows, update], opsets: [18, 22]) { x, _ in
                [
                    try x[0].scattered([x[1]], updates: x[2], axes: [1], mode: .max, checked: true),
                    try x[0].scattered([x[1]], updates: x[2], axes: [1], mode: .min, checked: true),
                ]
            },
            ExportSample("dropped", [x, wild, update, place], opsets: [16, 18]) { x, _ in
                [
                    try x[0].scattered([x[1]], updates: x[2], axes: [1], mode: .set, checked: false),
                    try x[0].scattered([x[1] * 0, x[1]], updates: x[3], axes: [0, 1], mode: .add, checked: false),
                ]
            },
        ])
    }
}
