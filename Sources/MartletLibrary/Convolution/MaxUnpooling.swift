public import MartletCore
public import MartletIR

extension Tensor {
    /// The inverse of a maximum pooling: each element stands at its position, all others are 0.
    ///
    /// - Parameters:
    ///   - positions: row-major positions in the tensor of all results; the shape is this tensor's. Others end the run.
    ///   - spatial: extents of the spatial axes that the positions count in.
    ///   - size: extents of the result's spatial axes, which may be larger (zeros follow) or smaller (the rest is cut).
    public func maxUnpooled(_ positions: Tensor, spatial: [IntExpr], size: [IntExpr]? = nil) throws -> Tensor {
        let extents = try shape
        guard extents.count == spatial.count + 2, size.map({ $0.count == spatial.count }) ?? true else {
            throw Diagnostic("type.rank", "\(spatial.count) sizes do not fit a tensor of rank \(extents.count)")
        }
        let shape = Array(extents.prefix(2)) + spatial
        let product = { (sizes: [IntExpr]) in Sizes.simplified(sizes.reduce(IntExpr(1)) { $0 * $1 }) }
        let count = product(extents)
        let zeros = try Tensor.constant(0, like: self).broadcast(to: [product(shape)], axes: [])
        let flat = try zeros.scattered(
            [try positions.reshaped(to: [count])], updates: try reshaped(to: [count]), axes: [0], mode: .set)
        let result = try flat.reshaped(to: shape)
        guard let size, size != spatial else { return result }
        let none = [IntExpr](repeating: 0, count: shape.count)
        let more = zip(size, spatial).map { Sizes.simplified($0 - $1) }
        return try result.padded(low: none, high: [0, 0] + more, with: .constant(0, like: self))
    }
}
