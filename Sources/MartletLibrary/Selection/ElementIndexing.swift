import MartletCore
public import MartletIR

extension Tensor {
    /// Elements at the places of `indices`, of this tensor's rank, with the coordinate along `axis` replaced by the
    /// index. Negative indices count from the end; others out of range end the run.
    public func gatheredElements(_ indices: Tensor, axis: Int) throws -> Tensor {
        let axes = try elementAxes(indices, axis)
        return try gathered(try coordinates(indices, axis), axes: axes, mode: .check)
    }

    /// This tensor with `updates`, shaped as `indices`, combined into it where `gatheredElements` would read.
    public func scatteredElements(
        _ indices: Tensor, updates: Tensor, axis: Int, mode: ScatterForm.Mode
    ) throws -> Tensor {
        let axes = try elementAxes(indices, axis)
        return try scattered(try coordinates(indices, axis), updates: updates, axes: axes, mode: mode)
    }

    private func elementAxes(_ indices: Tensor, _ axis: Int) throws -> [Int] {
        let extents = try shape
        guard try indices.rank == extents.count, extents.indices.contains(axis) else {
            throw Diagnostic(
                "type.axes",
                "indices of rank \(try indices.rank) along axis \(axis) of a tensor of rank \(extents.count)")
        }
        return Array(extents.indices)
    }

    private func coordinates(_ indices: Tensor, _ axis: Int) throws -> [Tensor] {
        let extents = try shape
        let grid = try indices.shape
        return try extents.indices.map { place in
            try place == axis
                ? indices.cast(to: .int64).wrapped(below: Sizes.simplified(extents[axis]))
                : .iota(shape: grid, axis: place)
        }
    }

    /// Slices at the coordinates that the last axis of `indices` holds, for the axes from `batch` on; the first `batch`
    /// axes run along with those of the indices. Negative indices count from the end.
    public func gatheredSlices(_ indices: Tensor, batch: Int = 0) throws -> Tensor {
        let places = try sliceCoordinates(indices, batch)
        if places.isEmpty {
            // Coordinates of no axes: the whole tensor each time.
            let outer = Array(try indices.shape.dropLast())
            return try broadcast(to: outer + shape, axes: Array(outer.count..<outer.count + rank))
        }
        return try gathered(places, axes: Array(places.indices), mode: .check)
    }

    /// This tensor with `updates` combined into it where `gatheredSlices` would read.
    public func scatteredSlices(_ indices: Tensor, updates: Tensor, mode: ScatterForm.Mode) throws -> Tensor {
        let places = try sliceCoordinates(indices, 0)
        guard !places.isEmpty else {
            throw Diagnostic("type.scatter", "the last axis of the indices of a scatter is empty")
        }
        return try scattered(places, updates: updates, axes: Array(places.indices), mode: mode)
    }

    private func sliceCoordinates(_ indices: Tensor, _ batch: Int) throws -> [Tensor] {
        let extents = try shape
        let own = try indices.shape
        guard let last = own.last, let depth = Sizes.simplified(last).constant, batch >= 0, batch < own.count,
            batch + depth <= extents.count
        else {
            throw Diagnostic(
                "type.gather", "the last axis of the indices must have a known extent that fits the tensor's rank")
        }
        let grid = Array(own.dropLast())
        let outer = try (0..<batch).map { axis -> Tensor in try .iota(shape: grid, axis: axis) }
        let wide = try indices.cast(to: .int64)
        return try outer
            + (0..<depth).map { number in
                let part = try wide.sliced(axis: grid.count, start: IntExpr(number), size: 1)
                return try part.reshaped(to: grid).wrapped(below: Sizes.simplified(extents[batch + number]))
            }
    }

    /// This tensor, a cache (batch, …, positions along `axis`, …), with `update` written from `positions` on: one for
    /// each entry of the batch, zeros by default. A circular cache begins again at its end.
    public func updated(
        with update: Tensor, at positions: Tensor?, axis: Int, circular isCircular: Bool = false
    ) throws -> Tensor {
        let extents = try shape
        guard axis > 0, axis < extents.count, try update.rank == extents.count else {
            throw Diagnostic("type.cache", "a cache of rank \(extents.count) with positions along axis \(axis)")
        }
        let grid = Array(try update.shape.prefix(axis + 1))
        var places = try grid.indices.map { place -> Tensor in try .iota(shape: grid, axis: place) }
        if let positions {
            places[axis] = try (places[axis] + positions.cast(to: .int64).broadcast(to: grid, axes: [0])).checked()
        }
        if isCircular { places[axis] = try places[axis].floorRemainder(by: .dimension(extents[axis])) }
        return try scattered(places, updates: update, axes: Array(grid.indices), mode: .set)
    }
}
