import MartletCore
import MartletIR
import MartletLibrary

enum LinearAttention: ONNXOperator {
    static let versions = [27]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let queryHeads = try node.required("q_num_heads", try node.int("q_num_heads"))
        let keyHeads = try node.required("kv_num_heads", try node.int("kv_num_heads"))
        guard keyHeads > 0, queryHeads > 0, queryHeads % keyHeads == 0 else {
            throw Diagnostic("onnx.heads", "\(queryHeads) heads of queries for \(keyHeads) heads of keys")
        }
        let name = try node.string("update_rule", default: "gated_delta")
        guard let rule = LinearAttentionRule(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "update_rule '\(name)' is unknown")
        }
        let query = try node.input(0).splittingHeads(queryHeads)
        let scale = try node.float("scale", default: 0)
        // Rates may be one for all heads.
        let rate = try node.optional(5).map { try $0.unsqueezed(axes: [3]) }
        let attention = try query.linearAttention(
            key: try node.input(1).splittingHeads(keyHeads), value: try node.input(2).splittingHeads(keyHeads),
            state: try node.optional(3), decay: try node.optional(4)?.splittingHeads(keyHeads), rate: rate, rule: rule,
            scale: scale == 0 ? nil : scale)
        let shape = try attention.result.shape
        return [try attention.result.reshaped(to: [shape[0], shape[1], shape[2] * shape[3]]), attention.state]
    }
}
