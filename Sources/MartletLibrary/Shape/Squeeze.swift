import MartletCore
public import MartletIR

extension Tensor {
    /// Without `axes`, each of which must have extent 1: known now, or checked when the program runs.
    public func squeezed(axes: [Int]) throws -> Tensor {
        try reshaped(to: shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
    }

    /// With axes of extent 1 at these places of the result, ascending.
    public func unsqueezed(axes: [Int]) throws -> Tensor {
        var extents = try shape
        for axis in axes.sorted() {
            guard axis >= 0, axis <= extents.count else {
                throw Diagnostic("type.axes", "axis \(axis) does not fit a result of rank \(extents.count + 1)")
            }
            extents.insert(1, at: axis)
        }
        return try reshaped(to: extents)
    }

    /// Two axes: all before `axis` and all from it on.
    public func flattened(at axis: Int) throws -> Tensor {
        let extents = try shape
        guard (0...extents.count).contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(extents.count)")
        }
        let product = { (part: ArraySlice<IntExpr>) in part.reduce(IntExpr(1)) { $0 * $1 } }
        return try reshaped(to: [product(extents[..<axis]), product(extents[axis...])])
    }
}
