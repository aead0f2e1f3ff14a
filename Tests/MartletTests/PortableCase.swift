import Martlet
import MartletONNX

/// Small graphs, one for each kind of kernel, that all targets must compute alike.
enum PortableCase: String, CaseIterable, Sendable {
    case product, convolution, softmax, functions, rounding
    case integers32, integers64, integerProduct, casts, sort, scan, recurrence, gather

    /// Whether every bit must be that of the interpreter; else sums and elementary functions may differ by some units
    /// in the last place.
    var isExact: Bool {
        switch self {
        case .rounding, .integers32, .integers64, .integerProduct, .casts, .sort, .gather: true
        case .product, .convolution, .softmax, .functions, .scan, .recurrence: false
        }
    }

    var tolerance: Tolerance { isExact ? Tolerance(rtol: 0, atol: 0) : Tolerance(rtol: 2e-5, atol: 2e-6) }

    /// The graph, and its inputs in order.
    func make() throws -> (graph: Graph, inputs: [HostTensor]) {
        switch self {
        case .product, .convolution, .softmax, .functions, .recurrence, .gather: try floatCase()
        case .integers32, .integers64, .integerProduct: try integerCase()
        case .rounding, .casts, .sort, .scan: try otherCase()
        }
    }

    // MARK: Floats

    private func floatCase() throws -> (graph: Graph, inputs: [HostTensor]) {
        switch self {
        case .product:
            return try traced([("a", .float32, [7, 37]), ("b", .float32, [37, 41])]) { x in
                [try x[0].matmul(x[1]) + x[0].reduced(.sum, axes: [1], keepingAxes: true)]
            }
        case .convolution:
            return try traced([("x", .float32, [1, 5, 9, 11]), ("w", .float32, [6, 5, 3, 3])]) { x in
                [try x[0].convolved(with: x[1], stride: [1, 2], low: [1, 1], high: [1, 1]).relu()]
            }
        case .softmax: return try traced([("x", .float32, [5, 77])]) { x in [try x[0].softmax(axis: 1)] }
        case .functions:
            let functions: [ScalarOp] = [.exp, .expm1, .sin, .cos, .tanh, .erf, .sqrt, .log, .log1p]
            return try traced([("x", .float32, [3, 131])]) { x in
                try functions.map { try ($0 == .sqrt || $0 == .log ? x[0].mapped(.abs) + 0.25 : x[0] + 4.5).mapped($0) }
            }
        case .gather:
            return try traced([("x", .float32, [9, 13]), ("i", .int64, [21])]) { x in
                [try x[0].gathered([x[1].mapped(.abs)], axes: [0], mode: .clamp)]
            }
        default: return try recurrenceCase()
        }
    }

    /// A long short-term memory: a loop whose body is products with fixed weights and maps.
    private func recurrenceCase() throws -> (graph: Graph, inputs: [HostTensor]) {
        let inputs: [Input] = [
            ("x", .float32, [5, 1, 6]), ("w", .float32, [6, 32]), ("r", .float32, [8, 32]), ("h", .float32, [1, 8]),
        ]
        return try traced(inputs) { x in
            let results = try Tensor.loop(
                trip: 5, condition: nil, states: [x[3], x[3]], scanned: [x[0]]
            ) { _, states, slices in
                let sums = try slices[0].matmul(x[1]) + states[0].matmul(x[2])
                func gate(_ number: Int) throws -> Tensor {
                    try sums.sliced(axis: 1, start: IntExpr(8 * number), size: 8)
                }
                func sigmoid(_ x: Tensor) throws -> Tensor { try 1.0 / ((-x).mapped(.exp) + 1.0) }
                let kept = try sigmoid(gate(1)) * states[1] + sigmoid(gate(0)) * gate(2).mapped(.tanh)
                let next = try sigmoid(gate(3)) * kept.mapped(.tanh)
                return (nil, [next, kept], [next])
            }
            return results.states + results.stacked
        }
    }

    // MARK: Integers

    private func integerCase() throws -> (graph: Graph, inputs: [HostTensor]) {
        if self == .integerProduct {
            return try traced([("a", .uint8, [5, 70]), ("b", .int8, [70, 19])]) { x in
                [try x[0].integerMatmul(x[1], zeroPoint: nil, otherZeroPoint: nil)]
            }
        }
        let type: ElementType = self == .integers32 ? .int32 : .int64
        return try traced([("a", type, [3, 67]), ("b", type, [3, 67])]) { x in
            let divisor = try x[1].mapped(.abs) + 1.0
            let shift = try x[1].mapped(.and, Tensor.constant(7, like: x[1]))
            return [
                x[0] * x[1] * x[0] * x[0] - x[1], x[0] / divisor, try x[0].mapped(.rem, divisor),
                try x[0].mapped(.shl, shift), try x[0].mapped(.shr, shift), try x[0].mapped(.xor, x[1]),
                try x[0].mapped(.max, x[1]), try x[0].reduced(.sum, axes: [1]),
                try x[0].argReduced(maximum: true, axes: [1]),
            ]
        }
    }

    // MARK: Others

    private func otherCase() throws -> (graph: Graph, inputs: [HostTensor]) {
        switch self {
        case .rounding:
            return try traced([("x", .float32, [3, 67]), ("d", .float64, [2, 33])]) { x in
                let functions: [ScalarOp] = [.floor, .ceil, .trunc, .round, .sign]
                return try functions.flatMap { function in try x.map { try $0.mapped(function) } }
            }
        case .casts:
            return try traced([("x", .float32, [3, 67]), ("d", .float64, [2, 33])]) { x in
                let halves: [ElementType] = [.float16, .bfloat16]
                let narrow = try halves.flatMap { type in try x.map { try ($0 / 3.0).cast(to: type) } }
                let wide = try narrow.map { try $0.cast(to: .float32) + 1.0 }
                return try narrow + wide + [x[0].cast(to: .int32), x[1].cast(to: .int64), x[0].cast(to: .int8)]
            }
        case .sort:
            return try traced([("x", .float32, [3, 50]), ("i", .int32, [40])]) { x in
                let (floats, integers) = (
                    try x[0].sorted(axis: 1, count: 7), try x[1].sorted(axis: 0, descending: true)
                )
                return [floats.values, floats.indices, integers.values, integers.indices]
            }
        default:
            return try traced([("x", .float32, [4, 33]), ("i", .int64, [20])]) { x in
                [
                    try x[0].cumulated(.sum, axis: 1), try x[0].cumulated(.max, axis: 0),
                    try x[1].cumulated(.sum, axis: 0),
                ]
            }
        }
    }

    // MARK: Making

    private typealias Input = (name: String, type: ElementType, shape: [Int])

    private func traced(
        _ inputs: [Input], _ body: ([Tensor]) throws -> [Tensor]
    ) throws -> (graph: Graph, inputs: [HostTensor]) {
        let recorder = Recorder()
        let graph = try recorder.record {
            let tensors = inputs.map { recorder.input($0.name, TensorType($0.type, $0.shape.map { IntExpr($0) })) }
            return try recorder.finish(
                try body(tensors).enumerated().map { (name: "y\($0.offset)", tensor: $0.element) })
        }
        return (graph, try inputs.enumerated().map { try Self.values($0.element, seed: $0.offset) })
    }

    /// Values of both signs, some of them halves of odd numbers, in -4 ... 4 or -100 ... 100.
    private static func values(_ input: Input, seed: Int) throws -> HostTensor {
        let count = input.shape.reduce(1, *)
        let numbers = (0..<count).map { (($0 + 31 * seed) * 7919 + 13) % 2001 - 1000 }
        if input.type.isFloatingPoint {
            let values = numbers.map { $0 % 5 == 0 ? Double($0 / 50) / 2 + 0.5 : Double($0) / 250 }
            return try HostTensor.fromDoubles(values, as: input.type, shape: input.shape)
        }
        let values = numbers.map { Int64(input.type.isSigned ? $0 / 10 : abs($0) / 5) }
        return try HostTensor.fromInts(values, as: input.type, shape: input.shape)
    }
}
