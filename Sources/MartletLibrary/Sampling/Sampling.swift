import MartletCore
import MartletIR

/// Reads between the elements of a tensor, at coordinates that other tensors hold.
struct Sampler {
    /// What stands outside of the tensor.
    enum Border { case zero, edge, mirror(aligned: Bool) }

    /// The tensor, and which of its axes the coordinates belong to, ascending.
    private let x: Tensor
    private let axes: [Int]
    /// Indices for further axes, in the coordinates' shape.
    private let fixed: [(axis: Int, index: Tensor)]
    private let border: Border

    init(_ x: Tensor, axes: [Int], fixed: [(axis: Int, index: Tensor)], border: Border) {
        (self.x, self.axes, self.fixed, self.border) = (x, axes, fixed, border)
    }

    /// Elements at integer coordinates: the coordinates' axes, then those of the tensor that nothing addresses.
    func elements(at indices: [Tensor]) throws -> Tensor {
        var all = fixed
        for (axis, index) in zip(axes, indices) { all.append((axis, try inside(index, x.shape[axis]))) }
        all.sort { $0.axis < $1.axis }
        let isZero = if case .zero = border { true } else { false }
        return try x.gathered(
            all.map(\.index), axes: all.map(\.axis), mode: isZero ? .fill : .clamp,
            fill: isZero ? .constant(0, like: x) : nil)
    }

    /// Coordinates as those of the elements that stand there, as far as clamping does not do it.
    private func inside(_ index: Tensor, _ extent: IntExpr) throws -> Tensor {
        guard case .mirror(let aligned) = border else { return index }
        // Over the outer elements themselves, or over their outer edges.
        let period = try Tensor.dimension(aligned ? .max(1, (extent - 1) * 2) : extent * 2)
        let phase = try index.floorRemainder(by: period)
        let other = aligned ? period - phase : period - phase - Tensor(HostTensor(scalar: Int64(1)))
        return try phase.mapped(.min, other)
    }

    /// Sums of the elements around, by the products of weights along each axis.
    ///
    /// - Parameters:
    ///   - coordinates: floating-point, an entry for each axis.
    ///   - reach: elements that count on each side.
    ///   - weight: from the distance along an axis to the weight.
    func weighted(at coordinates: [Tensor], reach: Int, weight: (Tensor) throws -> Tensor) throws -> Tensor {
        let type = try x.element
        // For each axis its taps: positions and weights.
        let taps = try coordinates.map { coordinate in
            let base = try coordinate.mapped(.floor)
            let origin = try base.cast(to: .int64)
            let part = try (coordinate - base).checked()
            return try (1 - reach...reach).map { offset in
                let distance = try (part - Double(offset)).mapped(.abs)
                return (
                    index: origin + Tensor(HostTensor(scalar: Int64(offset))),
                    weight: try weight(distance).cast(to: type)
                )
            }
        }
        let rank = try coordinates[0].rank
        var total: Tensor?
        for choice in Self.choices(axes: taps.count, taps: reach * 2) {
            let chosen = zip(taps, choice).map { $0[$1] }
            let elements = try elements(at: chosen.map(\.index))
            let factor = try chosen.dropFirst().reduce(chosen[0].weight) { try ($0 * $1.weight).checked() }
            let product = try elements * factor.broadcast(to: elements.shape, axes: Array(0..<rank))
            total = try total.map { try ($0 + product).checked() } ?? product
        }
        return try (total ?? .constant(0, like: x)).checked()
    }

    /// Linear interpolation.
    func linear(at coordinates: [Tensor]) throws -> Tensor {
        try weighted(at: coordinates, reach: 1) { 1 - $0 }
    }

    /// All ways to choose one of `taps` for each axis.
    static func choices(axes: Int, taps: Int) -> [[Int]] {
        (0..<axes).reduce([[]]) { list, _ in list.flatMap { choice in (0..<taps).map { choice + [$0] } } }
    }
}

extension Tensor {
    /// Coordinates along axis `axis` of a tensor of this shape, as `i64`.
    static func coordinates(_ axis: Int, of shape: [IntExpr]) throws -> Tensor { try iota(shape: shape, axis: axis) }

    /// Moves the first `count` axes behind the others.
    func movingFirstAxes(_ count: Int, behind others: Int) throws -> Tensor {
        let rank = try rank
        guard count + others == rank else { throw Diagnostic("type.rank", "\(count) and \(others) axes of \(rank)") }
        return try transposed(Array(count..<rank) + Array(0..<count))
    }
}
