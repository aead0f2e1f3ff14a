import MartletCore
import MartletIR
import MartletLibrary

/// Version 24 adds the numbers of keys, and masks shorter than the keys; 25 windows.
enum Attention: ONNXOperator {
    static let versions = [23, 24, 25]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let isFlat = try node.input(0).rank == 3
        let query = try node.heads(0, "q_num_heads")
        var (key, value) = (try node.heads(1, "kv_num_heads"), try node.heads(2, "kv_num_heads"))
        var offset: IntExpr = 0
        if let pastKey = try node.optional(4), let pastValue = try node.optional(5) {
            offset = try node.shape(of: pastKey)[2]
            key = try Tensor.concatenate([pastKey, key], axis: 2)
            value = try Tensor.concatenate([pastValue, value], axis: 2)
        }
        let operands = AttentionOperands(
            query: query, key: key, value: value, mask: try node.optional(3), keyCounts: try node.optional(6),
            offset: offset)
        let stage = node.isWanted(3) ? try stage(node) : nil
        let attention = try Tensor.attention(operands, try options(node), stage: stage)
        return [isFlat ? try attention.result.joiningHeads() : attention.result, key, value, attention.scores]
    }

    private static func options(_ node: ImportedNode) throws -> AttentionOptions {
        var options = AttentionOptions()
        options.scale = try node.float("scale")
        options.isCausal = try node.flag("is_causal")
        options.softcap = try node.float("softcap", default: 0)
        options.softmaxType = try node.elementType("softmax_precision")
        options.leftWindow = try window(node, "left_window_size")
        options.rightWindow = try window(node, "right_window_size")
        options.padsMask = node.version >= 24
        return options
    }

    private static func window(_ node: ImportedNode, _ name: String) throws -> Int? {
        guard let size = try node.int(name), size != -1 else { return nil }
        guard (0..<1 << 40).contains(size) else {
            throw Diagnostic("onnx.attribute", "'\(name)' must be -1 or a number of keys, not \(size)")
        }
        return size
    }

    private static func stage(_ node: ImportedNode) throws -> AttentionStage {
        let mode = try node.int("qk_matmul_output_mode", default: 0)
        guard let stage = AttentionStage(rawValue: mode) else {
            throw Diagnostic("onnx.attribute", "qk_matmul_output_mode \(mode) is unknown")
        }
        return stage
    }
}

extension ImportedNode {
    /// Operand `index` as (B, heads, length, size of a head); it may be (B, length, heads · size).
    func heads(_ index: Int, _ attribute: String) throws -> Tensor {
        let x = try input(index)
        if try x.rank == 4 { return x }
        return try x.splittingHeads(try required(attribute, try int(attribute))).transposed([0, 2, 1, 3])
    }
}

extension Tensor {
    /// (B, length, heads · size) as (B, length, heads, size).
    func splittingHeads(_ heads: Int) throws -> Tensor {
        let shape = try shape
        guard shape.count == 3, heads > 0 else {
            throw Diagnostic("onnx.rank", "an operand of rank \(shape.count) does not divide into \(heads) heads")
        }
        if let size = shape[2].constant, size % heads != 0 {
            throw Diagnostic("onnx.heads", "\(size) elements do not divide into \(heads) heads")
        }
        return try reshaped(to: [shape[0], shape[1], IntExpr(heads), shape[2].floorDivided(by: IntExpr(heads))])
    }

    /// (B, heads, length, size) as (B, length, heads · size).
    func joiningHeads() throws -> Tensor {
        let shape = try shape
        return try transposed([0, 2, 1, 3]).reshaped(to: [shape[0], shape[2], shape[1] * shape[3]])
    }
}

/// Attention with graphs that modify scores and probabilities.
enum FlexAttention: ONNXOperator {
    static let domain = "ai.onnx.preview"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = AttentionOperands(query: try node.input(0), key: try node.input(1), value: try node.input(2))
        var options = AttentionOptions()
        options.scale = try node.float("scale")
        options.softmaxType = try node.elementType("softmax_precision")
        let outer = node
        func modifier(_ name: String) -> ScoreModifier? {
            guard outer.has(name) else { return nil }
            return { scores in
                let results = try outer.results(of: name, [scores])
                guard results.count == 1 else {
                    throw Diagnostic("onnx.graph-outputs", "'\(name)' must give one result, not \(results.count)")
                }
                return results[0]
            }
        }
        let attention = try Tensor.attention(
            operands, options, score: modifier("score_mod"), probability: modifier("prob_mod"))
        return [attention.result]
    }
}
