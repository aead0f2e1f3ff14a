public import MartletCore

extension Tensor {
    /// Coordinates along one axis of a tensor of that shape.
    public static func iota(shape: [IntExpr], axis: Int, type: ElementType = .int64) throws -> Tensor {
        try apply(Iota(shape: shape, axis: axis, type: type))
    }

    /// A size as an `i64` scalar.
    public static func dimension(_ size: IntExpr) throws -> Tensor { try apply(Dimension(size)) }

    /// Sizes as an `i64` vector.
    public static func dimensions(_ sizes: [IntExpr]) throws -> Tensor {
        let constants = sizes.compactMap(\.constant)
        if constants.count == sizes.count {
            return Tensor(try HostTensor(constants.map { Int64($0) }, shape: [sizes.count]))
        }
        return try concatenate(try sizes.map { try dimension($0).reshaped(to: [1]) }, axis: 0)
    }

    /// The same elements in row-major order under another shape of as many elements.
    public func reshaped(to shape: [IntExpr]) throws -> Tensor {
        if try self.shape == shape { return self }
        return try Tensor.apply(Reshape(shape: shape), self)
    }

    /// Axis `k` of the result is axis `permutation[k]` of this tensor.
    public func transposed(_ permutation: [Int]) throws -> Tensor {
        try Tensor.apply(Transpose(permutation), self)
    }

    /// Repeats along new axes and along axes of extent 1; axis `k` becomes axis `axes[k]` of the result.
    public func broadcast(to shape: [IntExpr], axes: [Int]) throws -> Tensor {
        try Tensor.apply(Broadcast(shape: shape, axes: axes), self)
    }

    /// Broadcasts to `shape`, axes aligned at the right as NumPy does.
    public func expanded(to shape: [IntExpr]) throws -> Tensor {
        if try self.shape == shape { return self }
        let missing = try shape.count - rank
        guard missing >= 0 else {
            throw Diagnostic("type.ranks-differ", "rank \(try rank) cannot be expanded to rank \(shape.count)")
        }
        return try broadcast(to: shape, axes: Array(missing..<shape.count))
    }

    /// Elements `start + i·step` along each axis, `size` of them; steps are 1 by default.
    public func sliced(start: [IntExpr], size: [IntExpr], step: [IntExpr]? = nil) throws -> Tensor {
        let step = step ?? Array(repeating: 1, count: start.count)
        return try Tensor.apply(Slice(start: start, size: size, step: step), self)
    }

    /// Elements `start + i·step` along one axis, `size` of them.
    public func sliced(axis: Int, start: IntExpr, size: IntExpr, step: IntExpr = 1) throws -> Tensor {
        var sizes = try shape
        guard sizes.indices.contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(sizes.count)")
        }
        var (starts, steps) = ([IntExpr](repeating: 0, count: sizes.count), [IntExpr](repeating: 1, count: sizes.count))
        (starts[axis], sizes[axis], steps[axis]) = (start, size, step)
        return try sliced(start: starts, size: sizes, step: steps)
    }

    /// Puts `value`, a 0-d tensor, before, after and between the elements along each axis.
    public func padded(
        low: [IntExpr], high: [IntExpr], interior: [Int]? = nil, with value: Tensor
    ) throws -> Tensor {
        let interior = interior ?? Array(repeating: 0, count: low.count)
        return try Tensor.apply(Pad(low: low, high: high, interior: interior), self, value)
    }

    /// The tensors one after the other along `axis`.
    public static func concatenate(_ tensors: [Tensor], axis: Int) throws -> Tensor {
        try apply(Concat(axis: axis), tensors)[0]
    }

    /// Makes sliding windows axes of their own; see `Window`.
    public func windowed(_ axes: [Window.Axis]) throws -> Tensor { try Tensor.apply(Window(axes), self) }

    /// Reads at the coordinates that `indices`, integer tensors of one shape, hold for `axes`; see `Gather`.
    ///
    /// - Parameter fill: value where an index is out of range, for mode `fill` only.
    public func gathered(
        _ indices: [Tensor], axes: [Int], mode: Gather.Mode, fill: Tensor? = nil
    ) throws -> Tensor {
        let operands = [self] + indices + (mode == .fill ? [fill].compactMap(\.self) : [])
        return try Tensor.apply(Gather(axes: axes, mode: mode), operands)[0]
    }
}
