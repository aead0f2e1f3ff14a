import MartletCore
import MartletIR
import MartletLibrary

/// 0 in the shape stands for the operand's extent unless `allowzero` is set, -1 for what is left.
enum Reshape: ONNXOperator {
    static let versions = [1, 5, 14]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let extents = try node.shape(of: x)
        let allowsZero = try node.flag("allowzero")
        if node.version > 1, try node.input(1).symbolicValues == nil {
            return [try x.reshaped(to: dynamicShape(try node.input(1), of: extents, allowsZero, node))]
        }
        let wanted =
            node.version == 1
            ? try node.required("shape", try node.ints("shape")).map { IntExpr($0) }
            : try node.dims(of: try node.input(1))
        return [try x.reshaped(to: shape(wanted, of: extents, allowsZero: allowsZero))]
    }

    /// The shape from one that is computed from data.
    private static func dynamicShape(
        _ wanted: Tensor, of extents: [IntExpr], _ allowsZero: Bool, _ node: ImportedNode
    ) throws -> [IntExpr] {
        guard let count = try wanted.type.staticShape?.first else {
            throw Diagnostic("onnx.dynamic-count", "the rank of the result is not known before the model runs")
        }
        var sizes = try wanted.cast(to: .int64)
        if !allowsZero {
            let own = Array(extents.prefix(count)) + Array(repeating: 0, count: max(0, count - extents.count))
            sizes = try Tensor.select(sizes.compared(.eq, .number(0)), .dimensions(own), sizes)
        }
        let isOpen = try sizes.compared(.eq, .number(-1))
        let others = try Tensor.select(isOpen, .number(1), sizes).reduced(.prod, axes: [0])
        let total = try Tensor.size(extents.reduce(IntExpr(1)) { $0 * $1 }, as: .int64)
        return try node.dims(of: Tensor.select(isOpen, total / others, sizes))
    }

    static func shape(_ wanted: [IntExpr], of extents: [IntExpr], allowsZero: Bool) throws -> [IntExpr] {
        var shape = try wanted.enumerated().map { axis, size -> IntExpr in
            guard size == 0, !allowsZero else { return size }
            guard axis < extents.count else {
                throw Diagnostic("onnx.reshape", "0 at place \(axis) of the shape refers to no axis of the operand")
            }
            return extents[axis]
        }
        let open = shape.indices.filter { shape[$0] == -1 }
        guard open.count <= 1, shape.allSatisfy({ $0.constant ?? 0 >= -1 }) else {
            throw Diagnostic("onnx.reshape", "the shape may have one -1 and no other negative size")
        }
        guard let axis = open.first else { return shape }
        let others = shape.indices.filter { $0 != axis }.reduce(IntExpr(1)) { $0 * shape[$1] }
        guard others != 0 else { throw Diagnostic("onnx.reshape", "-1 beside a size of 0 leaves the size open") }
        let total = extents.reduce(IntExpr(1)) { $0 * $1 }
        if let count = total.constant, let part = others.constant, count % part != 0 {
            throw Diagnostic("onnx.reshape", "\(count) elements do not divide by \(part)")
        }
        shape[axis] = Sizes.simplified(total.floorDivided(by: others))
        return shape
    }
}
