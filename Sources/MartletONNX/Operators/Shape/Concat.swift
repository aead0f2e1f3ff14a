import MartletCore
import MartletIR

enum Concat: ONNXOperator {
    /// The axis is 1 by default in version 1.
    static let versions = [1, 4]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = try node.inputs
        guard let first = operands.first else { throw Diagnostic("onnx.input", "input 0 is missing") }
        let axis = try node.required("axis", try node.int("axis") ?? (node.version == 1 ? 1 : nil))
        return [try Tensor.concatenate(operands, axis: node.axis(axis, rank: try first.rank))]
    }
}
