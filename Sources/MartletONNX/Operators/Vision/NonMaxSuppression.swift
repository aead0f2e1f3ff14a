import MartletIR
import MartletLibrary

/// Boxes must score more than the threshold, as ONNX's reference and other implementations have it; the text of the
/// standard also keeps those that score just as much.
enum NonMaxSuppression: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let scores = try node.input(1)
        let rule = SuppressionRule(
            most: try node.optional(2) ?? .number(0), overlap: try node.optional(3) ?? .constant(0, like: scores),
            score: try node.optional(4), isCentered: try node.flag("center_point_box"))
        return [try Tensor.keptBoxes(node.input(0), scores: scores, rule)]
    }
}
