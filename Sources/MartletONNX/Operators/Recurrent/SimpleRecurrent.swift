import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The results of a layer with one state. Before version 14 the batch stands second; from then on `layout` tells.
    fileprivate func recurrent(
        _ layer: RecurrentLayer,
        _ run: (Tensor, RecurrentLayer.Weights, _ lengths: Tensor?, _ hidden: Tensor?) throws
            -> (outputs: Tensor, hidden: Tensor)
    ) throws -> [Tensor?] {
        let isBatchFirst = try flag("layout")
        func arranged(_ tensor: Tensor) throws -> Tensor { isBatchFirst ? try tensor.transposed([1, 0, 2]) : tensor }
        let weights = RecurrentLayer.Weights(
            input: try input(1), recurrent: try input(2), bias: try optional(3))
        let result = try run(
            try arranged(try input(0)), weights, try optional(4), try optional(5).map { try arranged($0) })
        let outputs = isBatchFirst ? try result.outputs.transposed([2, 0, 1, 3]) : result.outputs
        return [outputs, try arranged(result.hidden)]
    }
}

enum RNN: ONNXOperator {
    /// Version 14 adds `layout`: 1 puts the batch first.
    static let versions = [1, 7, 14]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let layer = try node.recurrentLayer([.init(.tanh)])
        return try node.recurrent(layer) { x, weights, lengths, hidden in
            try layer.simpleRecurrent(x, weights, lengths: lengths, hidden: hidden)
        }
    }
}

enum GRU: ONNXOperator {
    /// Version 3 adds `linear_before_reset`, 14 `layout`.
    static let versions = [1, 3, 7, 14]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let layer = try node.recurrentLayer([.init(.sigmoid), .init(.tanh)])
        let resetsProduct = try node.flag("linear_before_reset")
        return try node.recurrent(layer) { x, weights, lengths, hidden in
            try layer.gru(x, weights, lengths: lengths, hidden: hidden, resetsProduct: resetsProduct)
        }
    }
}
