import MartletCore
public import MartletIR

extension Tensor {
    /// Convolves each channel of this tensor (B, C, length) with its own weights (C, 1, taps) over what came before.
    ///
    /// - Parameters:
    ///   - state: what came before the first element, (B, C, taps - 1); zeros by default.
    ///   - activation: what is done with the sums, computed as float32 where they are narrower.
    /// - Returns: the result, and the last taps - 1 elements for the next call.
    public func causalConvolution(
        _ weights: Tensor, bias: Tensor? = nil, state: Tensor? = nil, activation: ((Tensor) throws -> Tensor)? = nil
    ) throws -> (result: Tensor, state: Tensor) {
        let (type, extents) = (try element, try shape)
        guard extents.count == 3, try weights.rank == 3 else {
            throw Diagnostic("type.rank", "a causal convolution needs operands of rank 3")
        }
        let before = Sizes.simplified(try weights.shape[2] - 1)
        let zero = try Tensor.constant(0, like: self)
        let whole =
            try state.map { try Tensor.concatenate([$0, self], axis: 2) }
            ?? padded(low: [0, 0, before], high: [0, 0, 0], with: zero)
        let inner = type == .float64 ? type : .float32
        var sums = try whole.channelProducts(weights).cast(to: inner)
        if let bias { sums = try sums + bias.cast(to: inner).broadcast(to: sums.shape, axes: [1]) }
        if let activation { sums = try activation(sums.checked()) }
        let last = try whole.sliced(axis: 2, start: extents[2], size: before)
        return (try sums.cast(to: type), last)
    }

    /// Sums over the windows of each channel, with the channel's weights (C, 1, taps).
    private func channelProducts(_ weights: Tensor) throws -> Tensor {
        let extents = try shape
        let wide = try element == .float64 ? self : cast(to: .float32)
        let factors = try weights.cast(to: wide.element)
        if let channels = Sizes.simplified(extents[1]).constant {
            return try wide.convolved(with: factors, groups: channels)
        }
        let taps = try weights.shape[2]
        let windows = try wide.windowed([Window.Axis(axis: 2, size: taps)])
        let along = try factors.reshaped(to: [weights.shape[0], taps]).broadcast(to: windows.shape, axes: [1, 3])
        return try (windows * along).reduced(.sum, axes: [3])
    }
}
