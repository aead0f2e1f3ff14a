public import MartletCore
public import MartletIR

extension Tensor {
    /// The last two axes with zeros below (`upper`) or above the diagonal `offset`, an integer scalar; diagonals with
    /// positive numbers lie above the main one.
    public func triangle(upper isUpper: Bool, offset: Tensor) throws -> Tensor {
        let extents = try shape
        guard extents.count >= 2 else {
            throw Diagnostic("type.rank", "a triangle needs two axes, not \(extents.count)")
        }
        let plane = Array(extents.suffix(2))
        let distance = try Tensor.iota(shape: plane, axis: 1) - .iota(shape: plane, axis: 0)
        let diagonal = try offset.cast(to: .int64).reshaped(to: [])
        let mask = try distance.compared(isUpper ? .ge : .le, diagonal).expanded(to: extents)
        return try Tensor.select(mask, self, Tensor(0, as: element))
    }

    /// A matrix of ones on the diagonal `offset` and zeros elsewhere.
    public static func eye(_ shape: [IntExpr], offset: Int, type: ElementType) throws -> Tensor {
        let distance = try Tensor.iota(shape: shape, axis: 1) - .iota(shape: shape, axis: 0)
        return try distance.compared(.eq, .number(offset)).cast(to: type)
    }

    /// A new axis of `depth` elements at `axis`: `on` where its coordinate is the element of this integer tensor, `off`
    /// elsewhere, both 0-d. Negative elements count from the end if `wraps`.
    public func oneHot(depth: IntExpr, axis: Int, on: Tensor, off: Tensor, wraps: Bool) throws -> Tensor {
        let indices = try wraps ? cast(to: .int64).wrapped(below: depth) : cast(to: .int64)
        var extents = try shape
        guard (0...extents.count).contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a result of rank \(extents.count + 1)")
        }
        let axes = extents.indices.map { $0 < axis ? $0 : $0 + 1 }
        extents.insert(depth, at: axis)
        let places = try Tensor.iota(shape: extents, axis: axis)
        let hits = try places.compared(.eq, indices.broadcast(to: extents, axes: axes))
        return try Tensor.select(hits, on, off)
    }

    /// The first `lengths[b]` elements along `time` in reverse order for each `b` along `batch`; the others stay.
    public func reversedSequences(_ lengths: Tensor, time: Int, batch: Int) throws -> Tensor {
        let extents = try shape
        guard extents.indices.contains(time), extents.indices.contains(batch), time != batch else {
            throw Diagnostic("type.axes", "axes \(time) and \(batch) do not fit a tensor of rank \(extents.count)")
        }
        let axes = [time, batch].sorted()
        let grid = axes.map { extents[$0] }
        let place = axes.firstIndex(of: batch) ?? 0
        let step = try Tensor.iota(shape: grid, axis: 1 - place)
        let length = try lengths.cast(to: .int64).broadcast(to: grid, axes: [place])
        let mirrored = try Tensor.select(step.compared(.lt, length), length - 1 - step, step)
        var indices = [mirrored, mirrored]
        indices[place] = try .iota(shape: grid, axis: place)
        let result = try gathered(indices, axes: axes, mode: .check)
        if axes == [0, 1] { return result }
        // The two axes stand first now.
        var others = Array(2..<extents.count)
        return try result.transposed(
            extents.indices.map { axis in
                if let number = axes.firstIndex(of: axis) { return number }
                return others.removeFirst()
            })
    }
}
