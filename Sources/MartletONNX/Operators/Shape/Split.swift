import MartletCore
import MartletIR
import MartletLibrary

/// Sizes of the parts are an attribute before version 13 (in version 1 also an operand), an operand after. Version 18
/// adds `num_outputs`; only there the last of equal parts may be smaller.
enum Split: ONNXOperator {
    static let versions = [1, 2, 13, 18]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: 0), rank: try x.rank)
        let extent = try node.shape(of: x)[axis]
        if let sizes = try sizes(node, extent) {
            guard sizes.count == node.outputCount else {
                throw Diagnostic("onnx.split", "\(sizes.count) sizes are given for \(node.outputCount) parts")
            }
            return try x.split(sizes, axis: axis)
        }
        let count = try node.version >= 18 ? node.int("num_outputs", default: node.outputCount) : node.outputCount
        guard count > 0, count >= node.outputCount, count < 1 << 20 else {
            throw Diagnostic("onnx.split", "\(count) parts are asked for, the node has \(node.outputCount) results")
        }
        if node.version < 18, let known = extent.constant, known % count != 0 {
            throw Diagnostic("onnx.split", "an axis of \(known) does not divide into \(count) equal parts")
        }
        let part = extent.ceilDivided(by: IntExpr(count))
        return try x.split(
            (0..<count).map { .min(part, .max(0, extent - part * IntExpr($0))) }.map(Sizes.simplified), axis: axis)
    }

    private static func sizes(_ node: ImportedNode, _ extent: IntExpr) throws -> [IntExpr]? {
        if node.version < 13, let sizes = try node.ints("split") { return sizes.map { IntExpr($0) } }
        guard node.version != 2, let operand = try node.optional(1) else { return nil }
        return try node.dims(of: operand.cast(to: .int64), upper: extent)
    }
}
