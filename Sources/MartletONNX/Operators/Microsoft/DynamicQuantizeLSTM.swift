import MartletCore
import MartletIR
import MartletLibrary

/// An LSTM with weights of 8 bits; inputs and states are quantised as they come.
enum DynamicQuantizeLSTM: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let layer = try node.recurrentLayer([.init(.sigmoid), .init(.tanh), .init(.tanh)])
        let weights = RecurrentLayer.LSTMWeights(
            input: try matrices(node, 1, scale: 8), recurrent: try matrices(node, 2, scale: 10),
            bias: try node.optional(3), peepholes: try node.optional(7))
        let result = try layer.lstm(
            try node.input(0).roundedToBytes(), weights, lengths: try node.optional(4), hidden: try node.optional(5),
            cell: try node.optional(6), couplesGates: try node.flag("input_forget"),
            productOperand: { try $0.roundedToBytes() })
        return [result.outputs, result.hidden, result.cell]
    }

    /// (D, rows, 4H) with one scale or one a column for each direction, as (D, 4H, rows).
    private static func matrices(_ node: ImportedNode, _ index: Int, scale: Int) throws -> Tensor {
        let values = try node.input(index)
        let shape = try values.shape
        guard shape.count == 3 else { throw Diagnostic("onnx.rank", "the weights must have rank 3") }
        func spread(_ tensor: Tensor) throws -> Tensor {
            let isColumn = try tensor.rank == 2
            return try tensor.broadcast(to: shape, axes: isColumn ? [0, 2] : [0])
        }
        let zeroPoint = try spread(try node.input(scale + 1).cast(to: .float32))
        let numbers = try (values.cast(to: .float32) - zeroPoint) * spread(try node.input(scale))
        return try numbers.checked().transposed([0, 2, 1])
    }
}

extension Tensor {
    /// The nearest numbers that quantised values of 8 bits over the range of all elements stand for.
    fileprivate func roundedToBytes() throws -> Tensor {
        let quantized = try dynamicallyQuantized()
        return try quantized.values.dequantized(scale: quantized.scale, zeroPoint: quantized.zeroPoint)
    }
}
