public import MartletCore
public import MartletIR

extension Tensor {
    /// A window a₀ - a₁·cos(2πi/d) + a₂·cos(4πi/d) of that many elements, d being their number, or one less if it is
    /// symmetric.
    public static func cosineWindow(
        _ size: IntExpr, coefficients: [Double], symmetric isSymmetric: Bool, type: ElementType = .float32
    ) throws -> Tensor {
        let wide: ElementType = type == .float64 ? .float64 : .float32
        let period = try Tensor.size(isSymmetric ? size - 1 : size, as: wide)
        let place = try iota(shape: [size], axis: 0, type: wide)
        let angle = try (place * (2 * Double.pi / period)).checked()
        var result = try Tensor(coefficients.first ?? 0, as: wide).broadcast(to: [size], axes: [])
        for (order, coefficient) in coefficients.enumerated().dropFirst() {
            let wave = try (angle * Double(order)).mapped(.cos)
            result = result + wave * (order % 2 == 1 ? -coefficient : coefficient)
        }
        return try result.checked().cast(to: type)
    }

    /// Triangular filters on the mel scale for the bins of a spectrum: (spectrum bins, mel bins).
    ///
    /// Edges of the filters lie at bins of the spectrum, so that the middle of each has weight 1; mel = 2595·log₁₀(1 +
    /// f/700).
    ///
    /// - Parameters:
    ///   - length: elements that the spectrum was computed from, of which there are length/2 + 1 bins.
    ///   - rate: samples a second, a number as the edges are, in Hz; all 0-d.
    public static func melFilters(
        bins: IntExpr, length: IntExpr, rate: Tensor, lower: Tensor, upper: Tensor, type: ElementType = .float32
    ) throws -> Tensor {
        let edges = try melEdges(bins, length, rate, lower, upper)
        let spectrum = Sizes.simplified(length.floorDivided(by: 2) + 1)
        let shape = [spectrum, bins]
        let bin = try iota(shape: shape, axis: 0)
        let (low, middle, high) = try (
            edges.filterEdge(0, shape), edges.filterEdge(1, shape), edges.filterEdge(2, shape)
        )
        func ratio(_ a: Tensor, _ b: Tensor) throws -> Tensor {
            try (a.checked().cast(to: .float64) / b.checked().mapped(.max, .number(1)).cast(to: .float64)).checked()
        }
        let zero = try Tensor(0, as: .float64), one = try Tensor(1, as: .float64)
        let isMiddle = try bin.compared(.eq, middle)
        let isRising = try bin.compared(.ge, low).mapped(.and, bin.compared(.lt, middle))
        let isFalling = try bin.compared(.ge, middle).mapped(.and, bin.compared(.lt, high))
        let peak = try select(isMiddle, one, zero)
        let rising = try select(isRising, ratio(bin - low, middle - low), peak)
        return try select(isFalling, ratio(high - bin, high - middle), rising).cast(to: type)
    }

    private static func melEdges(
        _ bins: IntExpr, _ length: IntExpr, _ rate: Tensor, _ lower: Tensor, _ upper: Tensor
    ) throws -> Tensor {
        func mel(_ frequency: Tensor) throws -> Tensor {
            let wide = try frequency.cast(to: .float64).reshaped(to: [])
            return try ((wide / 700) + 1).mapped(.log) * (2595 / 2.302585092994045684)
        }
        let (first, last) = (try mel(lower), try mel(upper))
        let count = try Tensor.size(bins + 2, as: .float64)
        let place = try iota(shape: [bins + 2], axis: 0, type: .float64)
        let scale = place * ((last - first) / count) + first
        let frequency = try ((scale * (2.302585092994045684 / 2595)).mapped(.exp) - 1) * 700
        let rateNumber = try rate.cast(to: .float64).reshaped(to: [])
        let position = try (frequency * .size(length + 1, as: .float64) / rateNumber).checked()
        return try position.mapped(.floor).cast(to: .int64)
    }

    private func filterEdge(_ number: Int, _ shape: [IntExpr]) throws -> Tensor {
        try sliced(axis: 0, start: IntExpr(number), size: shape[1]).broadcast(to: shape, axes: [1])
    }
}
