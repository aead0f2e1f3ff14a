public import MartletCore
public import MartletIR

// Normalisation of tensors (N, C, spatial…) by statistics of channels. float16 and bfloat16 are computed in float32.

/// Parameters and statistics of batch normalisation, each of the shape (C).
public struct BatchStatistics: Sendable {
    public var scale: Tensor
    public var bias: Tensor
    public var mean: Tensor
    public var variance: Tensor

    /// Makes parameters and statistics.
    public init(scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) {
        (self.scale, self.bias, self.mean, self.variance) = (scale, bias, mean, variance)
    }

    func mapped(_ body: (Tensor) throws -> Tensor) rethrows -> BatchStatistics {
        BatchStatistics(
            scale: try body(scale), bias: try body(bias), mean: try body(mean), variance: try body(variance))
    }
}

extension Tensor {
    /// Batch normalisation (Ioffe and Szegedy, 2015, arXiv:1502.03167):
    /// (x - mean) / √(variance + epsilon) · scale + bias, in this tensor's type.
    ///
    /// Statistics of the shape (C) belong to the channels, axis 1; a vector has one channel. Those of more axes belong
    /// to (C, spatial…). Products and sums of the statistics are made first: where they are constants, one product and
    /// one sum are left.
    public func batchNormalized(_ statistics: BatchStatistics, epsilon: Double) throws -> Tensor {
        let (type, wide) = (try element, try wideElement)
        let own = try statistics.mapped { try $0.cast(to: wide).alongChannels(of: self) }
        let factor = try (own.scale / (own.variance + epsilon).mapped(.sqrt)).checked()
        let shift = own.bias - own.mean * factor
        let product = try Tensor.elementwise(.mul, [cast(to: wide), factor])
        return try Tensor.elementwise(.add, [product, shift]).cast(to: type)
    }

    /// Mean and variance over all elements of each channel, in float32 at least; over axis 0 only unless `isSpatial`.
    public func batchMoments(isSpatial: Bool = true) throws -> (mean: Tensor, variance: Tensor) {
        let x = try cast(to: wideElement)
        let rank = try self.rank
        let axes = isSpatial ? (0..<rank).filter { $0 != 1 } : [0]
        let mean = try x.mean(axes: axes, keepingAxes: true)
        let centred = x - mean
        let variance = try (centred * centred).mean(axes: axes)
        return (try mean.reshaped(to: variance.shape), variance)
    }

    /// Instance normalisation (Ulyanov et al., 2016, arXiv:1607.08022): each channel of each instance for itself;
    /// `scale` and `bias` have the shape (C).
    public func instanceNormalized(scale: Tensor, bias: Tensor, epsilon: Double) throws -> Tensor {
        let (type, wide) = (try element, try wideElement)
        let normal = try cast(to: wide).standardized(axes: Array(2..<Swift.max(rank, 2)), epsilon: epsilon)
        return try normal.scaled(
            by: scale.cast(to: wide).alongChannels(of: self), plus: bias.cast(to: wide).alongChannels(of: self)
        ).cast(to: type)
    }

    /// Group normalisation (Wu and He, 2018, arXiv:1803.08494): `groups` parts of the channels of each instance.
    ///
    /// - Parameters:
    ///   - scale: of the shape (C), or (groups) if `isPerGroup`; likewise `bias`.
    ///   - stash: element type of the first stage, which scale and bias come after.
    /// - Throws: `type.groups` where the channels cannot be divided so.
    public func groupNormalized(
        groups: Int, scale: Tensor, bias: Tensor, isPerGroup: Bool, epsilon: Double, stash: ElementType
    ) throws -> Tensor {
        let (type, extents) = (try element, try shape)
        guard extents.count >= 2, groups > 0, (extents[1].constant ?? 0) % groups == 0 else {
            throw Diagnostic("type.groups", "a tensor of rank \(extents.count) cannot be divided in \(groups) groups")
        }
        let size = Sizes.simplified(extents[1].floorDivided(by: IntExpr(groups)))
        let split = [extents[0], IntExpr(groups), size] + extents[2...]
        let x = try reshaped(to: split).cast(to: stash)
        let normal = try x.standardized(axes: Array(2..<split.count), epsilon: epsilon).cast(to: type)
        let parameters = try [scale, bias].map { parameter in
            let own = isPerGroup ? [IntExpr(groups), 1] : [IntExpr(groups), size]
            return try parameter.reshaped(to: own + extents[2...].map { _ in 1 })
        }
        return try normal.scaled(by: parameters[0], plus: parameters[1]).reshaped(to: extents)
    }

    /// (x - mean) / √(variance + epsilon) along `axes`.
    func standardized(axes: [Int], epsilon: Double) throws -> Tensor {
        let centred = try self - mean(axes: axes, keepingAxes: true)
        let variance = try (centred * centred).mean(axes: axes, keepingAxes: true)
        return try (centred * (1 / (variance + epsilon).mapped(.sqrt))).checked()
    }

    /// x · factor + shift, which are broadcast.
    private func scaled(by factor: Tensor, plus shift: Tensor) throws -> Tensor {
        try Tensor.elementwise(.add, [Tensor.elementwise(.mul, [self, factor]), shift])
    }

    /// A vector of the channels with axes of extent 1 behind, as it is broadcast to a tensor (N, C, …).
    private func alongChannels(of other: Tensor) throws -> Tensor {
        let trailing = try other.rank - 2
        if try rank != 1 || trailing <= 0 { return self }
        return try reshaped(to: shape + [IntExpr](repeating: 1, count: trailing))
    }

    /// The element type, float32 at least.
    var wideElement: ElementType {
        get throws { try element.bitWidth < 32 ? .float32 : element }
    }
}
