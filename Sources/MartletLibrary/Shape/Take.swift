public import MartletCore
public import MartletIR

extension Tensor {
    /// The slices of this tensor along `axis` at `indices`, whose shape takes the place of the axis.
    ///
    /// Negative indices count from the end; others out of range end the run. Constant indices in even steps give a
    /// slice.
    public func taken(_ indices: Tensor, axis: Int) throws -> Tensor {
        let extents = try shape
        guard extents.indices.contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(extents.count)")
        }
        let size = Sizes.simplified(extents[axis])
        if let view = try slice(at: indices, axis: axis, size) { return view }
        let gathered = try gathered([try indices.wrapped(below: size)], axes: [axis], mode: .check)
        return try gathered.movingIndexAxes(try indices.rank, to: axis)
    }

    /// The result as a slice, if the indices are constants in even steps.
    private func slice(at indices: Tensor, axis: Int, _ size: IntExpr) throws -> Tensor? {
        guard try indices.rank <= 1, let tensor = indices.concrete, tensor.count > 0, tensor.count <= 1 << 16 else {
            return nil
        }
        let positions = try tensor.ints().map { Int($0) }
        if let extent = size.constant, let outside = positions.first(where: { !(-extent..<extent).contains($0) }) {
            throw Diagnostic.indexOutOfRange(String(outside), axis: axis, extent: extent)
        }
        let step = positions.count > 1 ? positions[1] &- positions[0] : 1
        let isEven = zip(positions, positions.dropFirst()).allSatisfy { $1 &- $0 == step }
        let haveOneSign = positions.allSatisfy { ($0 < 0) == (positions[0] < 0) }
        guard step != 0, isEven, haveOneSign, positions.allSatisfy({ $0.magnitude < 1 << 40 }) else { return nil }
        let start = positions[0] < 0 ? size + IntExpr(positions[0]) : IntExpr(positions[0])
        let part = try sliced(axis: axis, start: start, size: IntExpr(positions.count), step: IntExpr(step))
        return try indices.rank == 0 ? part.squeezed(axes: [axis]) : part
    }

    /// Indices with those below 0 counted from the end of an axis of that size.
    public func wrapped(below size: IntExpr) throws -> Tensor {
        let type = try element
        guard type.isSigned else { return self }
        if let known = concrete, let extent = size.constant, !type.isPacked {
            // What is out of range stays as it is, for the message.
            let values = try known.ints().map { $0 < 0 && $0 >= -Int64(extent) ? $0 + Int64(extent) : $0 }
            return Tensor(try HostTensor.fromInts(values, as: type, shape: known.shape))
        }
        if try isNeverNegative() { return self }
        let zero = try Tensor.constant(0, like: self)
        return try Tensor.select(compared(.lt, zero), self + .size(size, as: type), self)
    }

    /// The result of a gather with the first `count` axes, those of the indices, moved to stand from `axis` on.
    func movingIndexAxes(_ count: Int, to axis: Int) throws -> Tensor {
        if axis == 0 || count == 0 { return self }
        let before = Array(count..<count + axis)
        return try transposed(before + Array(0..<count) + Array(count + axis..<rank))
    }
}
