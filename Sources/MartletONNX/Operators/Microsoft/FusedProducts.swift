import MartletCore
import MartletIR
import MartletLibrary

/// A matrix product with a factor and operands that may be transposed. The operators of this folder are those that ONNX
/// Runtime's optimiser and exporters write.
enum FusedMatMul: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let a = try arranged(try node.input(0), try node.flag("transA"), try node.flag("transBatchA"))
        let b = try arranged(try node.input(1), try node.flag("transB"), try node.flag("transBatchB"))
        let alpha = try node.float("alpha", default: 1)
        let product = try a.matmul(b)
        return [alpha == 1 ? product : try (product * alpha).checked()]
    }

    /// The first axis moved to be the rows, then rows and columns swapped.
    private static func arranged(_ x: Tensor, _ swaps: Bool, _ movesFirst: Bool) throws -> Tensor {
        let rank = try x.rank
        guard rank >= 2, swaps || movesFirst else { return x }
        var order = Array(0..<rank)
        if movesFirst { order = Array(1..<rank - 1) + [0, rank - 1] }
        if swaps { order.swapAt(rank - 2, rank - 1) }
        return try x.transposed(order)
    }
}

/// The product with a matrix of 2, 4 or 8 bits in blocks.
enum MatMulNBits: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let bits = try node.int("bits", default: 4)
        let columns = try node.required("K", try node.int("K")), rows = try node.required("N", try node.int("N"))
        let size = try node.required("block_size", try node.int("block_size"))
        guard (1..<1 << 30).contains(size), (1..<1 << 40).contains(columns) else {
            throw Diagnostic("onnx.attribute", "blocks of \(size) for \(columns) columns")
        }
        let points = try node.optional(3).map { try zeroPoints($0, bits, rows, (columns + size - 1) / size) }
        let matrix = try BlockQuantizedMatrix(
            values: try node.input(1), scales: try node.input(2), zeroPoints: points,
            blockOfColumn: try node.optional(4), bits: bits, blockSize: size, columns: columns)
        let weights = try matrix.dequantized().cast(to: x.element)
        let product = try x.contracted(with: weights, contracted: [(try x.rank - 1, 1)])
        guard let bias = try node.optional(5) else { return [product] }
        return [try Tensor.elementwise(.add, [product, bias])]
    }

    /// Zero points lie packed as the values do, each row from a new byte on, unless they have the scales' type.
    private static func zeroPoints(_ tensor: Tensor, _ bits: Int, _ rows: Int, _ blocks: Int) throws -> Tensor {
        guard try tensor.element == .uint8 else { return tensor }
        let bytes = (blocks * bits + 7) / 8
        return try tensor.reshaped(to: [IntExpr(rows), IntExpr(bytes)]).unpackedBits(bits)
            .sliced(axis: 1, start: 0, size: IntExpr(blocks))
    }
}
