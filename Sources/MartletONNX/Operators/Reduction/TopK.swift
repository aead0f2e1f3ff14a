import MartletCore
import MartletIR
import MartletLibrary

/// The number of elements is an operand from version 10 on; version 11 adds `largest` and `sorted`. Results are always
/// sorted.
enum TopK: ONNXOperator {
    static let versions = [1, 10, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: -1), rank: try x.rank)
        let size = try node.shape(of: x)[axis]
        let isDescending = try node.version < 11 || node.flag("largest", default: true)
        let sorted = try x.sorted(axis: axis, descending: isDescending, count: count(node, of: size))
        return [sorted.values, sorted.indices]
    }

    private static func count(_ node: ImportedNode, of size: IntExpr) throws -> IntExpr {
        if node.version == 1 { return IntExpr(try node.required("k", try node.int("k"))) }
        let operand = try node.input(1)
        if operand.symbolicValues != nil { return try node.dim(of: operand) }
        return try node.recorder.bind(operand.reshaped(to: []), node.name, upper: size)
    }
}
