import MartletCore
import MartletIR
import MartletLibrary

enum RotaryEmbedding: ONNXOperator {
    static let versions = [23]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let isFlat = try x.rank == 3
        let heads = isFlat ? try x.splittingHeads(try node.required("num_heads", try node.int("num_heads"))) : x
        let width = try node.int("rotary_embedding_dim", default: 0)
        guard width >= 0, width % 2 == 0 else {
            throw Diagnostic("onnx.attribute", "'rotary_embedding_dim' must be even, not \(width)")
        }
        let result = try heads.inWideType { wide in
            try wide.rotated(
                cosine: try angles(node, 1).cast(to: wide.element), sine: try angles(node, 2).cast(to: wide.element),
                sequenceAxis: isFlat ? 1 : 2, width: width == 0 ? nil : IntExpr(width),
                isInterleaved: try node.flag("interleaved"))
        }
        return [isFlat ? try result.reshaped(to: x.shape) : result]
    }

    /// Sines or cosines of each position: (B, length, width / 2).
    private static func angles(_ node: ImportedNode, _ index: Int) throws -> Tensor {
        let table = try node.input(index)
        guard let positions = try node.optional(3) else { return table }
        return try table.gathered([positions], axes: [0], mode: .check)
    }
}
