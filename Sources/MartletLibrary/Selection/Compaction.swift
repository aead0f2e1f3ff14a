public import MartletCore
public import MartletIR

extension Tensor {
    /// One integer as a size, which is read when the program runs unless it is known.
    public func readSize(_ name: String, lower: Int = 0, upper: IntExpr? = nil) throws -> IntExpr {
        if let known = symbolicValues, known.count == 1 { return Sizes.simplified(known[0]) }
        guard let recorder = Recorder.current else {
            throw Diagnostic("type.sizes", "a size that depends on data is asked for outside of a recording")
        }
        return try recorder.bind(try reshaped(to: []), name, lower: lower, upper: upper)
    }

    /// The positions, ascending, at which a bool vector is true: `i64`, as many as there are.
    public func truePositions() throws -> Tensor {
        guard try rank == 1, try element == .bool else {
            throw Diagnostic("type.mask", "a mask must be a bool vector")
        }
        let total = Sizes.simplified(try shape[0])
        let ones = try cast(to: .int64)
        let count = try ones.reduced(.sum, axes: [0]).readSize("count", upper: total)
        let places = try Tensor.select(self, ones.cumulated(.sum, axis: 0) - 1, .number(-1))
        let zeros = try Tensor.number(0).broadcast(to: [count], axes: [])
        return try zeros.scattered(
            [places], updates: .iota(shape: [total], axis: 0), axes: [0], mode: .set, checked: false)
    }

    /// Coordinates of positions in row-major order of a tensor of that shape, one tensor an axis.
    public func coordinates(in shape: [IntExpr]) throws -> [Tensor] {
        var rest = self
        var result: [Tensor] = []
        for (number, extent) in shape.enumerated().reversed() {
            if number == 0 {
                result.append(rest)
                break
            }
            let size = try Tensor.dimension(extent)
            result.append(try rest.mapped(.rem, size))
            rest = try rest.mapped(.div, size)
        }
        return result.reversed()
    }

    /// Coordinates of the elements that are not 0 in row-major order: (rank, number of them).
    public func nonZero() throws -> Tensor {
        let extents = try shape
        let flat = try reshaped(to: [extents.reduce(IntExpr(1)) { $0 * $1 }])
        let mask = try element == .bool ? flat : try flat.compared(.ne, Tensor(0, as: element))
        let positions = try mask.truePositions()
        if extents.isEmpty {
            return try Tensor.number(0).broadcast(to: [0] + positions.shape, axes: [])
        }
        let rows = try positions.coordinates(in: extents).map { try $0.unsqueezed(axes: [0]) }
        return try Tensor.concatenate(rows, axis: 0)
    }

    /// The slices along `axis` where `mask`, a bool vector that may be shorter than the axis, is true.
    public func compressed(_ mask: Tensor, axis: Int) throws -> Tensor {
        try gathered([try mask.truePositions()], axes: [axis], mode: .check).movingIndexAxes(1, to: axis)
    }
}
