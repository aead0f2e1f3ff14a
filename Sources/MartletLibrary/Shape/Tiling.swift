public import MartletCore
public import MartletIR

extension Tensor {
    /// The tensor repeated `repeats[k]` times along axis `k`.
    public func tiled(_ repeats: [IntExpr]) throws -> Tensor {
        let extents = try shape
        guard repeats.count == extents.count else {
            throw Diagnostic("type.tile", "\(repeats.count) numbers of copies for a tensor of rank \(extents.count)")
        }
        let moved = extents.indices.filter { Sizes.simplified(repeats[$0]) != 1 }
        if moved.isEmpty { return self }
        var wide: [IntExpr] = []
        var axes: [Int] = []
        for (axis, extent) in extents.enumerated() {
            if moved.contains(axis) { wide.append(repeats[axis]) }
            axes.append(wide.count)
            wide.append(extent)
        }
        let result = zip(extents, repeats).map { Sizes.simplified($0 * $1) }
        return try broadcast(to: wide, axes: axes).reshaped(to: result)
    }

    /// Consecutive parts along an axis, which must make up all of it.
    public func split(_ sizes: [IntExpr], axis: Int) throws -> [Tensor] {
        let total = Sizes.simplified(sizes.reduce(IntExpr(0)) { $0 + $1 })
        let extent = Sizes.simplified(try shape[axis])
        if let recorder = Recorder.current {
            try recorder.require(total, equals: extent, "the sizes of the parts and axis \(axis)")
        } else if total != extent {
            throw Diagnostic("type.split", "parts of \(sizes) do not make up an axis of \(extent)")
        }
        var start = IntExpr(0)
        return try sizes.map { size in
            defer { start = Sizes.simplified(start + size) }
            return try sliced(axis: axis, start: start, size: size)
        }
    }

    /// The middle of the tensor, zeros around it where it is too small: `sizes` holds the extents wanted by axis.
    ///
    /// Of an odd number of elements cut or added, the larger part lies behind.
    public func centered(_ sizes: [Int: IntExpr]) throws -> Tensor {
        var start = try shape.map { _ in IntExpr(0) }
        var size = try shape
        var (low, high) = (start, start)
        for (axis, wanted) in sizes {
            guard size.indices.contains(axis) else {
                throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(size.count)")
            }
            let kept = Sizes.simplified(.min(size[axis], wanted))
            start[axis] = Sizes.simplified((size[axis] - kept).floorDivided(by: 2))
            low[axis] = Sizes.simplified((wanted - kept).floorDivided(by: 2))
            high[axis] = Sizes.simplified(wanted - kept - low[axis])
            size[axis] = kept
        }
        let middle = try sliced(start: start, size: size)
        return try middle.padded(low: low, high: high, with: Tensor(0, as: element))
    }
}
