import MartletCore

/// One spatial axis of a convolution with known sizes.
struct ConvolutionAxis {
    let input: Int, kernel: Int, output: Int
    let stride: Int, dilation: Int, inputDilation: Int, low: Int

    /// Sizes above this are refused: products with strides and dilations then stay far from overflow.
    private static let sizeLimit = 1 << 31

    /// - Throws: `run.range` for sizes beyond all use.
    init(input: Int, kernel: Int, stride: Int, dilation: Int, inputDilation: Int, low: Int, high: Int) throws {
        guard [input, kernel, low, high].allSatisfy({ (-Self.sizeLimit...Self.sizeLimit).contains($0) }),
            [stride, dilation, inputDilation].allSatisfy({ $0 <= Convolve.factorLimit })
        else {
            throw Diagnostic("run.range", "sizes or paddings of a convolution are too large")
        }
        self.input = input
        self.kernel = kernel
        self.stride = stride
        self.dilation = dilation
        self.inputDilation = inputDilation
        self.low = low
        let padded = input + max(0, input - 1) * (inputDilation - 1) + low + high
        let room = padded - ((kernel - 1) * dilation + 1)
        output = room < 0 ? 0 : room / stride + 1
    }

    /// Merges axes on which the window is one element wide, so that each output element reads the input at its place.
    init(pointwise axes: [ConvolutionAxis]) {
        input = axes.reduce(1) { $0 * $1.input }
        output = input
        (kernel, stride, dilation, inputDilation, low) = (1, 1, 1, 1, 0)
    }

    var isPointwise: Bool { kernel == 1 && stride == 1 && inputDilation == 1 && low == 0 && output == input }

    /// Input position that a tap reads for an output position, nil in padding and gaps.
    func position(output: Int, tap: Int) -> Int? {
        let place = output * stride + tap * dilation - low
        guard place >= 0, place % inputDilation == 0, place / inputDilation < input else { return nil }
        return place / inputDilation
    }

    /// The output positions at which one tap reads the input: an arithmetic progression, and so are the inputs.
    struct Run {
        let tap: Int
        let output: Int, outputStep: Int
        let input: Int, inputStep: Int
        let count: Int
    }

    /// The runs of all taps that read anything.
    func runs() -> [Run] {
        (0..<kernel).compactMap { tap in
            let common = Self.greatestCommonDivisor(stride, inputDilation)
            let (outputStep, inputStep) = (inputDilation / common, stride / common)
            // First output not in the low padding; then at most one period of the gaps until it meets an element.
            let missing = low - tap * dilation
            let start = missing <= 0 ? 0 : (missing + stride - 1) / stride
            let end = min(output, start + outputStep)
            guard start < end, let first = (start..<end).first(where: { isAligned($0, tap) }),
                let position = position(output: first, tap: tap)
            else { return nil }
            let count = min((output - 1 - first) / outputStep, (input - 1 - position) / inputStep) + 1
            return Run(
                tap: tap, output: first, outputStep: outputStep, input: position, inputStep: inputStep, count: count)
        }
    }

    private func isAligned(_ output: Int, _ tap: Int) -> Bool {
        (output * stride + tap * dilation - low) % inputDilation == 0
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }
}

/// Plain evaluation of `convolve`: every element is one sum over channels, then taps, in a wide type.
enum ConvolveEvaluation {
    /// The convolution, rounded once, or wrapped, to `result`.
    ///
    /// - Throws: `run.sizes-differ` where channels do not fit; `core.shape` for too large a result.
    static func convolve(
        _ x: HostTensor, _ w: HostTensor, _ axes: [ConvolutionAxis], groups: Int, result: ElementType
    ) throws -> HostTensor {
        let (product, overflow) = w.shape[1].multipliedReportingOverflow(by: groups)
        guard !overflow, product == x.shape[1], w.shape[0] % groups == 0 else {
            throw Diagnostic(
                "run.sizes-differ", "\(x.shape[1]) channels do not fit \(groups) groups of weights \(w.shape)")
        }
        let shape = [x.shape[0], w.shape[0]] + axes.map(\.output)
        let count = try HostTensor.size(of: .float64, shape).count
        guard count > 0 else { return try HostTensor(zeros: result, shape: shape) }
        let merged = axes.allSatisfy(\.isPointwise) ? [ConvolutionAxis(pointwise: axes)] : axes
        let geometry = Geometry(
            batch: x.shape[0], groups: groups, channels: w.shape[1], outputs: w.shape[0] / groups, axes: merged)
        let depth = w.count / w.shape[0]
        if x.type.isFloatingPoint || WideProduct.isExactInDouble(x.type, w.type, depth: depth) {
            return try sums(Double.self, x, w, geometry, count, result, shape)
        }
        return try sums(Int64.self, x, w, geometry, count, result, shape)
    }

    private struct Geometry {
        let batch: Int, groups: Int
        /// Input and output channels of one group.
        let channels: Int, outputs: Int
        let outer: [ConvolutionAxis], row: ConvolutionAxis
        let runs: [ConvolutionAxis.Run]
        let inputPlane: Int, outputPlane: Int, taps: Int

        init(batch: Int, groups: Int, channels: Int, outputs: Int, axes: [ConvolutionAxis]) {
            (self.batch, self.groups, self.channels, self.outputs) = (batch, groups, channels, outputs)
            outer = axes.dropLast()
            row = axes[axes.count - 1]
            runs = row.runs()
            inputPlane = axes.reduce(1) { $0 * $1.input }
            outputPlane = axes.reduce(1) { $0 * $1.output }
            taps = axes.reduce(1) { $0 * $1.kernel }
        }

        /// For one output row: which rows of taps read which input rows, by offset of the first tap and element.
        func rows(at outputRow: Int) -> [(tap: Int, input: Int)] {
            var rest = outputRow
            var coordinates: [Int] = []
            for axis in outer.reversed() {
                coordinates.append(rest % axis.output)
                rest /= axis.output
            }
            var rows = [(tap: 0, input: 0)]
            for (axis, coordinate) in zip(outer, coordinates.reversed()) {
                rows = rows.flatMap { row in
                    (0..<axis.kernel).compactMap { tap in
                        axis.position(output: coordinate, tap: tap).map {
                            (tap: row.tap * axis.kernel + tap, input: row.input * axis.input + $0)
                        }
                    }
                }
            }
            return rows.map { (tap: $0.tap * row.kernel, input: $0.input * row.input) }
        }
    }

    private static func sums<T: WideNumber>(
        _ wide: T.Type, _ x: HostTensor, _ w: HostTensor, _ geometry: Geometry, _ count: Int, _ result: ElementType,
        _ shape: [Int]
    ) throws -> HostTensor {
        let (input, weights) = (try T.read(x), try T.read(w))
        var sums = [T](repeating: .zero, count: count)
        let rows = (0..<geometry.outputPlane / geometry.row.output).map { geometry.rows(at: $0) }
        input.withUnsafeBufferPointer { input in
            sums.withUnsafeMutableBufferPointer { sums in
                for group in 0..<geometry.groups {
                    for first in Swift.stride(from: 0, to: geometry.outputs, by: 4) {
                        let channel = group * geometry.outputs + first
                        let lanes = min(4, geometry.outputs - first)
                        let packed = pack(weights, channel, lanes, geometry)
                        for image in 0..<geometry.batch {
                            let from = (image * geometry.groups + group) * geometry.channels * geometry.inputPlane
                            let to = (image * geometry.groups * geometry.outputs + channel) * geometry.outputPlane
                            convolve(input, from, packed, rows, lanes, geometry, sums, to)
                        }
                    }
                }
            }
        }
        return try T.tensor(sums, as: result, shape: shape)
    }

    /// Weights of four output channels side by side, by input channel and tap.
    private static func pack<T: WideNumber>(
        _ weights: [T], _ channel: Int, _ lanes: Int, _ geometry: Geometry
    ) -> [SIMD4<T>] {
        let size = geometry.channels * geometry.taps
        var packed = [SIMD4<T>](repeating: SIMD4(repeating: .zero), count: size)
        for lane in 0..<lanes {
            for position in 0..<size { packed[position][lane] = weights[(channel + lane) * size + position] }
        }
        return packed
    }

    /// Four output channels of one image, row by row.
    private static func convolve<T: WideNumber>(
        _ input: UnsafeBufferPointer<T>, _ from: Int, _ packed: [SIMD4<T>], _ rows: [[(tap: Int, input: Int)]],
        _ lanes: Int, _ geometry: Geometry, _ sums: UnsafeMutableBufferPointer<T>, _ to: Int
    ) {
        let width = geometry.row.output
        let zero = SIMD4<T>(repeating: .zero)
        var row = [SIMD4<T>](repeating: zero, count: width)
        for (outputRow, taps) in rows.enumerated() {
            row.withUnsafeMutableBufferPointer { row in
                row.update(repeating: zero)
                for channel in 0..<geometry.channels {
                    for (tap, offset) in taps {
                        let start = from + channel * geometry.inputPlane + offset
                        let weights = channel * geometry.taps + tap
                        for run in geometry.runs { add(run, input, start, packed[weights + run.tap], row) }
                    }
                }
                for lane in 0..<lanes {
                    let target = to + lane * geometry.outputPlane + outputRow * width
                    for position in 0..<width { sums[target + position] = row[position][lane] }
                }
            }
        }
    }

    /// Adds one tap's products to an output row.
    @inline(__always)
    private static func add<T: WideNumber>(
        _ run: ConvolutionAxis.Run, _ input: UnsafeBufferPointer<T>, _ start: Int, _ weight: SIMD4<T>,
        _ row: UnsafeMutableBufferPointer<SIMD4<T>>
    ) {
        var (source, target) = (start + run.input, run.output)
        for _ in 0..<run.count {
            row[target] = T.accumulate(row[target], weight, input[source])
            source += run.inputStep
            target += run.outputStep
        }
    }
}
