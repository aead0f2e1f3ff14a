public import MartletCore
public import MartletIR

extension Tensor {
    /// Root mean square normalisation (Zhang and Sennrich, 2019, arXiv:1910.07467) over the axes from `axis` on:
    /// x / √(mean of x² + epsilon) · scale.
    ///
    /// - Parameter stash: element type in which x is normalised, before the product with the scale.
    /// - Returns: a tensor of the scale's element type.
    public func rmsNormalized(
        axis: Int, scale: Tensor, epsilon: Double, stash: ElementType = .float32
    ) throws -> Tensor {
        let x = try cast(to: stash)
        let square = try (x * x).mean(axes: Array(axis..<rank), keepingAxes: true)
        let normal = try (x * (1 / (square + epsilon).mapped(.sqrt))).checked()
        return try Tensor.elementwise(.mul, [normal.cast(to: element).cast(to: scale.element), scale])
    }
}
