import MartletCore
public import MartletIR

extension Tensor {
    /// 1 at the first of the largest elements along the axes from `first` on up to before `end`, taken together; 0
    /// elsewhere.
    public func hardmax(axes: Range<Int>) throws -> Tensor {
        let extents = try shape
        let count = extents[axes].reduce(IntExpr(1)) { $0 * $1 }
        let flat = Array(extents[..<axes.lowerBound]) + [count] + Array(extents[axes.upperBound...])
        let axis = axes.lowerBound
        let x = try reshaped(to: flat)
        let top = try x.argReduced(maximum: true, axes: [axis], keepingAxes: true).expanded(to: flat)
        return try Tensor.iota(shape: flat, axis: axis).compared(.eq, top).cast(to: element).reshaped(to: extents)
    }
}
