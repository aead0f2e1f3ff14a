import MartletCore
import MartletIR
import MartletLibrary

enum LSTM: ONNXOperator {
    /// Version 14 adds `layout`: 1 puts the batch first.
    static let versions = [1, 7, 14]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let layer = try node.recurrentLayer([.init(.sigmoid), .init(.tanh), .init(.tanh)])
        let isBatchFirst = try node.flag("layout")
        func arranged(_ tensor: Tensor?) throws -> Tensor? {
            isBatchFirst ? try tensor?.transposed([1, 0, 2]) : tensor
        }
        let x = try node.input(0)
        let weights = RecurrentLayer.LSTMWeights(
            input: try node.input(1), recurrent: try node.input(2), bias: try node.optional(3),
            peepholes: try node.optional(7))
        let result = try layer.lstm(
            try arranged(x) ?? x, weights, lengths: try node.optional(4), hidden: try arranged(try node.optional(5)),
            cell: try arranged(try node.optional(6)), couplesGates: try node.flag("input_forget"))
        let outputs = isBatchFirst ? try result.outputs.transposed([2, 0, 1, 3]) : result.outputs
        return [outputs, try arranged(result.hidden), try arranged(result.cell)]
    }
}
