import MartletCore
import MartletIR
import MartletONNX
import Testing

@Suite("Export: maps") struct ExportMapTests {
    @Test(.onnxRuntime) func floatFunctions() throws {
        let unary: [ScalarOp] = [
            .neg, .abs, .sign, .floor, .ceil, .trunc, .round, .exp, .expm1, .sin, .cos, .tanh, .erf,
        ]
        let positive: [ScalarOp] = [.log, .sqrt, .log1p]
        let binary: [ScalarOp] = [.add, .sub, .mul, .div, .max, .min, .atan2, .rem]
        let x = try ExportSample.Input.ramp(.float32, [4, 6], [0: "n"])
        let y = try ExportSample.Input.ramp(.float32, [6])
        var samples = unary.map { function in
            ExportSample(function.rawValue, [x]) { x, _ in [try x[0].mapped(function)] }
        }
        samples += positive.map { function in
            ExportSample(function.rawValue, [x]) { x, _ in [try x[0].mapped(.abs).mapped(function)] }
        }
        samples += binary.map { function in
            ExportSample(function.rawValue, [x, y]) { x, _ in [try (x[0] + 0.1).mapped(function, x[1] + 0.3)] }
        }
        samples.append(ExportSample("pow", [x, y]) { x, _ in [try x[0].mapped(.abs).mapped(.pow, x[1])] })
        try expectSameOutputs(samples)
    }

    @Test(.onnxRuntime) func edges() throws {
        let special = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e-30, -1e-8, 5, -5]
        let pairs = special.flatMap { a in special.map { (a, $0) } }
        let (a, b) = (
            try ExportSample.Input.numbers(pairs.map(\.0)), try ExportSample.Input.numbers(pairs.map(\.1))
        )
        try expectSameOutputs([
            ExportSample("atan2", [a, b]) { x, _ in [try x[0].mapped(.atan2, x[1])] },
            ExportSample("expm1", [a]) { x, _ in [try x[0].mapped(.expm1)] },
            ExportSample("log1p", [a]) { x, _ in [try x[0].mapped(.log1p)] },
            ExportSample("trunc", [a]) { x, _ in [try x[0].mapped(.trunc)] },
        ])
    }

    @Test(.onnxRuntime) func integers() throws {
        var samples: [ExportSample] = []
        for type in [ElementType.int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64] {
            let (x, y) = (try ExportSample.Input.ramp(type, [3, 4]), try ExportSample.Input.ramp(type, [4]))
            samples.append(
                ExportSample("arithmetic_\(type.name)", [x, y]) { x, _ in
                    let three = try Tensor(3, as: type)
                    return [
                        try x[0].mapped(.add, x[1]), try x[0].mapped(.sub, x[1]), try x[0].mapped(.mul, x[1]),
                        try x[0].mapped(.neg),
                    ]
                        + (type == .uint64
                            ? []
                            : [
                                try x[0].mapped(.max, x[1]), try x[0].mapped(.min, x[1]), try x[0].mapped(.div, three),
                                try x[0].mapped(.rem, three),
                            ])
                })
            samples.append(
                ExportSample("compare_\(type.name)", [x, y]) { x, _ in
                    let all: [ScalarOp] = type == .uint64 ? [.eq, .ne] : [.eq, .ne, .lt, .le, .gt, .ge]
                    return try all.map { try x[0].compared($0, x[1]) }
                })
        }
        try expectSameOutputs(samples)
    }

    @Test(.onnxRuntime) func bits() throws {
        var samples: [ExportSample] = []
        for type in [ElementType.uint8, .uint32, .uint64, .int32, .int64] {
            let x = try ExportSample.Input.ramp(type, [3, 4])
            samples.append(
                ExportSample("bits_\(type.name)", [x], opsets: [18, 23]) { x, _ in
                    let five = try Tensor(5, as: type)
                    return [
                        try x[0].mapped(.and, five), try x[0].mapped(.or, five), try x[0].mapped(.xor, five),
                        try x[0].mapped(.not),
                    ]
                })
            samples.append(
                ExportSample("shifts_\(type.name)", [x]) { x, _ in
                    let two = try Tensor(2, as: type)
                    return [try x[0].mapped(.shl, two), try x[0].mapped(.shr, two)]
                })
        }
        samples.append(
            ExportSample("bitcast", [try .ramp(.int32, [5])]) { x, _ in [try x[0].bitcast(to: .uint32)] })
        try expectSameOutputs(samples)
    }

    @Test(.onnxRuntime) func logicAndSelect() throws {
        let x = try ExportSample.Input.ramp(.float32, [4, 6], [0: "n", 1: "m"])
        try expectSameOutputs([
            ExportSample("logic", [x]) { x, _ in
                let zero = try Tensor(0, as: .float32)
                let (a, b) = (try x[0].compared(.lt, zero), try (x[0] + 1).compared(.gt, zero))
                return [
                    try a.mapped(.and, b), try a.mapped(.or, b), try a.mapped(.xor, b), try a.mapped(.not),
                    try a.mapped(.max, b), try a.mapped(.min, b), try a.compared(.lt, b),
                    try Tensor.select(a, x[0], zero), try a.cast(to: .int64),
                ]
            },
            ExportSample("casts", [x]) { x, _ in
                try [.int32, .int64, .float16, .float64, .bool].map { try x[0].cast(to: $0) }
            },
            ExportSample("relu", [x], operators: ["Relu"]) { x, _ in [try x[0].mapped(.max, Tensor(0, as: .float32))] },
        ])
    }

    @Test(.onnxRuntime) func activations() throws {
        let x = try ExportSample.Input.ramp(.float32, [4, 6], [0: "n"])
        try expectSameOutputs([
            ExportSample("sigmoid", [x], operators: ["Sigmoid"]) { x, _ in [1 / (1 + (try (-x[0]).mapped(.exp)))] },
            ExportSample("softplus", [x], operators: ["Softplus"]) { x, _ in
                let rest = try (-(try x[0].mapped(.abs))).mapped(.exp).mapped(.log1p)
                return [try x[0].mapped(.max, Tensor(0, as: .float32)) + rest]
            },
            ExportSample("elu", [x], operators: ["Elu"]) { x, _ in
                let isNegative = try x[0].compared(.lt, Tensor(0, as: .float32))
                return [try Tensor.select(isNegative, try x[0].mapped(.expm1) * 0.5, x[0])]
            },
            ExportSample("isnan", [x], operators: ["IsNaN"]) { x, _ in [try x[0].compared(.ne, x[0])] },
        ])
    }

    @Test(.onnxRuntime) func selectsOfAllTypes() throws {
        let types: [ElementType] = [
            .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .float64,
        ]
        let choice = try ExportSample.Input.integers([1, 0, 1, 0], [4], as: .bool)
        try expectSameOutputs(
            try types.map { type in
                let values = try ExportSample.Input.integers([0, 1, 1, 0], [4], as: .int32)
                return ExportSample("select_\(type.name)", [choice, values]) { x, _ in
                    let a = try x[1].cast(to: type)
                    return [
                        try Tensor.select(
                            x[0], a, try a.gathered([Tensor.iota(shape: [4], axis: 0)], axes: [0], mode: .check))
                    ]
                }
            })
    }

    @Test(.onnxRuntime) func divisionByZero() throws {
        let a = try ExportSample.Input.integers([7, -7, 0, 5], [4])
        let b = try ExportSample.Input.integers([2, 0, 0, -3], [4])
        try expectSameOutputs([
            ExportSample("zero_divisor", [a, b]) { x, _ in [x[0] / x[1], try x[0].mapped(.rem, x[1])] },
            ExportSample("sure_divisor", [a], operators: ["Div"]) { x, _ in
                [try x[0].mapped(.div, Tensor(3, as: .int64))]
            },
        ])
    }

    @Test(.onnxRuntime) func broadcasts() throws {
        let x = try ExportSample.Input.ramp(.float32, [4, 6], [0: "n", 1: "m"])
        let row = try ExportSample.Input.ramp(.float32, [6], [0: "m"])
        let column = try ExportSample.Input.ramp(.float32, [4], [0: "n"])
        let open = try ExportSample.Input.ramp(.float32, [1, 6], [0: "k", 1: "m"])
        try expectSameOutputs([
            ExportSample("row", [x, row], operators: ["Add"]) { x, _ in [x[0] + x[1]] },
            ExportSample("outer", [row, column], operators: ["Mul", "Unsqueeze"]) { x, _ in
                [x[0] * (try x[1].reshaped(to: try x[1].shape + [1]))]
            },
            ExportSample("undecided", [x, open]) { x, _ in [x[0] * x[1]] },
            ExportSample("alone", [row, column]) { x, _ in
                let shape = try x[1].shape + x[0].shape
                return [try x[0].expanded(to: shape), try x[1].broadcast(to: shape, axes: [0])]
            },
            ExportSample("both_expanded", [row]) { x, _ in
                let shape = [3] + (try x[0].shape)
                let (a, b) = (try x[0].expanded(to: shape), try (-x[0]).expanded(to: shape))
                return [try a.mapped(.max, b)]
            },
            ExportSample("filled", [x]) { x, _ in
                [try Tensor(2.5, as: .float32).broadcast(to: try x[0].shape, axes: [])]
            },
            ExportSample("used_twice", [x, column]) { x, _ in
                let wide = try x[1].broadcast(to: try x[0].shape, axes: [0])
                return [x[0] + wide, try wide.reduced(.sum, axes: [1], keepingAxes: false)]
            },
        ])
    }
}
