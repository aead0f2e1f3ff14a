import MartletCore
public import MartletIR

extension Tensor {
    /// Determinants of the square matrices in the last two axes, by elimination with partial pivoting.
    public func determinant() throws -> Tensor {
        let extents = try shape
        guard extents.count >= 2, try element.isFloatingPoint else {
            throw Diagnostic("type.rank", "a determinant needs a floating-point matrix")
        }
        let size = extents[extents.count - 1]
        if let recorder = Recorder.current {
            try recorder.require(size, equals: extents[extents.count - 2], "rows and columns of a determinant")
        }
        let outer = Array(extents.dropLast(2))
        let batch = Sizes.simplified(outer.reduce(IntExpr(1)) { $0 * $1 })
        return try inWideType { x in
            let one = try Tensor.constant(1, like: x).broadcast(to: [batch], axes: [])
            let states = [try x.reshaped(to: [batch, size, size]), one]
            let result = try Tensor.loop(trip: size, condition: nil, states: states, scanned: []) { turn, states, _ in
                (nil, try Tensor.eliminate(turn, states[0], states[1]), [])
            }
            return try result.states[1].reshaped(to: outer)
        }
    }

    /// One step of elimination: matrices (batch, n, n) with zeros below column `turn`, and the product of pivots.
    private static func eliminate(_ turn: Tensor, _ matrices: Tensor, _ product: Tensor) throws -> [Tensor] {
        let extents = try matrices.shape
        let plane = [extents[0], extents[1]]
        func at(_ rows: Tensor, _ axis: Int) throws -> Tensor {
            try rows.gathered([turn], axes: [axis], mode: .check)
        }
        let row = try Tensor.iota(shape: plane, axis: 1)
        let isOpen = try row.compared(.ge, turn)
        let candidates = try Tensor.select(isOpen, at(matrices, 2).mapped(.abs), .constant(-1, like: product))
        let pivotRow = try candidates.argReduced(maximum: true, axes: [1])
        let wide = try pivotRow.broadcast(to: plane, axes: [0])
        let order = try Tensor.select(
            row.compared(.eq, turn), wide, .select(row.compared(.eq, wide), turn, row))
        let image = try Tensor.iota(shape: plane, axis: 0)
        let swapped = try matrices.gathered([image, order], axes: [0, 1], mode: .check)
        let pivots = try at(at(swapped, 2), 1)
        let zero = try Tensor.constant(0, like: product)
        let signed = try Tensor.select(pivotRow.compared(.ne, turn), -pivots, pivots)
        let divisor = try Tensor.select(
            pivots.compared(.eq, zero), .constant(1, like: product), pivots
        ).broadcast(to: plane, axes: [0])
        let factors = try Tensor.select(row.compared(.gt, turn), at(swapped, 2) / divisor, zero)
        let top = try at(swapped, 1).broadcast(to: extents, axes: [0, 2])
        let next = try swapped - factors.broadcast(to: extents, axes: [0, 1]) * top
        return [try next.checked(), try (product * signed).checked()]
    }
}
