public import MartletCore
public import MartletIR

extension Tensor {
    /// Turns pairs of the elements of each head by angles (Su and others, RoFormer, 2021).
    ///
    /// - Parameters:
    ///   - cosine: of the angles, (B, length, width / 2); `sine` likewise.
    ///   - sequenceAxis: which axis of this tensor of rank 4, whose first is the batch and last the head, has the length.
    ///   - width: elements of a head that are turned, from the first on.
    ///   - isInterleaved: whether pairs are neighbours, not one half and the other.
    public func rotated(
        cosine: Tensor, sine: Tensor, sequenceAxis: Int, width: IntExpr? = nil, isInterleaved: Bool = false
    ) throws -> Tensor {
        let extents = try shape
        guard extents.count == 4, (1...2).contains(sequenceAxis) else {
            throw Diagnostic("type.rank", "a rotary embedding needs a tensor of rank 4, not \(extents.count)")
        }
        let size = Sizes.simplified(extents[3])
        let width = Sizes.simplified(width ?? size)
        let half = Sizes.simplified(width.floorDivided(by: 2))
        let pair = Array(extents.dropLast()) + [half]
        func part(_ start: IntExpr, _ step: IntExpr) throws -> Tensor {
            try sliced(axis: 3, start: start, size: half, step: step)
        }
        let first = try part(0, isInterleaved ? 2 : 1),
            second = try part(isInterleaved ? 1 : half, isInterleaved ? 2 : 1)
        let (c, s) = (
            try cosine.broadcast(to: pair, axes: [0, sequenceAxis, 3]),
            try sine.broadcast(to: pair, axes: [0, sequenceAxis, 3])
        )
        let real = try (first * c - second * s).checked(), imaginary = try (first * s + second * c).checked()
        var turned: Tensor
        if isInterleaved {
            let pairs = try [real, imaginary].map { try $0.unsqueezed(axes: [4]) }
            turned = try Tensor.concatenate(pairs, axis: 4).reshaped(to: Array(extents.dropLast()) + [half * 2])
        } else {
            turned = try Tensor.concatenate([real, imaginary], axis: 3)
        }
        if width == size { return turned }
        let rest = try sliced(axis: 3, start: width, size: size - width)
        turned = try Tensor.concatenate([turned, rest], axis: 3)
        return turned
    }
}
