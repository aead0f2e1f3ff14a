import MartletCore
public import MartletIR

/// What is made of the losses of all samples.
public enum LossReduction: String, Sendable {
    /// They are given back as they are.
    case none
    /// Their mean, weighted where there are weights.
    case mean
    /// Their sum.
    case sum
}

extension Tensor {
    /// The negative log-likelihood of classes: -x at `target` along axis 1 of this tensor (N, C, spatial…) of
    /// log-probabilities, times the weight of the class.
    ///
    /// - Parameters:
    ///   - target: the classes, an integer tensor (N, spatial…). Those out of range end the run.
    ///   - weight: of the shape (C); all are 1 by default.
    ///   - ignored: a class that counts for nothing, and may be out of range.
    public func negativeLogLikelihood(
        target: Tensor, weight: Tensor? = nil, ignored: Int? = nil, reduction: LossReduction = .mean
    ) throws -> Tensor {
        try inWideType { x in
            var classes = try target.cast(to: .int64)
            var weights = try weight?.cast(to: x.element)
            let counts = try ignored.map { try classes.compared(.ne, .number($0)) }
            if let counts { classes = try Tensor.select(counts, classes, .number(0)) }
            weights = try weights?.gathered([classes], axes: [0], mode: .check)
            if let counts {
                let zero = try Tensor.constant(0, like: x)
                let own = try weights ?? Tensor.constant(1, like: x).expanded(to: classes.shape)
                weights = try Tensor.select(counts, own, zero)
            }
            let isIgnored = try counts?.mapped(.not)
            return try (-x.picked(classes)).reducedLoss(weights, isIgnored: isIgnored, reduction)
        }
    }

    /// The elements at `classes` along axis 1.
    private func picked(_ classes: Tensor) throws -> Tensor {
        let extents = try classes.shape
        let indices = try (0..<rank).map { axis in
            axis == 1 ? classes : try Tensor.iota(shape: extents, axis: axis == 0 ? 0 : axis - 1)
        }
        return try gathered(indices, axes: Array(indices.indices), mode: .check)
    }

    private func reducedLoss(_ weights: Tensor?, isIgnored: Tensor?, _ reduction: LossReduction) throws -> Tensor {
        var losses = self
        if let weights { losses = losses * weights }
        // What is ignored may be infinite, which a weight of 0 would not hide.
        if let isIgnored { losses = try Tensor.select(isIgnored, .constant(0, like: self), losses) }
        let axes = Array(0..<(try rank))
        switch reduction {
        case .none: return try losses.checked()
        case .sum: return try losses.reduced(.sum, axes: axes)
        case .mean:
            guard let weights else { return try losses.mean(axes: axes) }
            return try losses.reduced(.sum, axes: axes) / weights.reduced(.sum, axes: axes)
        }
    }
}
