import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The loss of log-probabilities, with targets and weights as inputs 1 and 2.
    func negativeLogLikelihood(_ logarithms: Tensor) throws -> Tensor {
        let name = try string("reduction", default: "mean")
        guard let reduction = LossReduction(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "reduction '\(name)' is unknown")
        }
        let target = try input(1)
        guard try logarithms.rank >= 2, try target.rank == logarithms.rank - 1 else {
            throw Diagnostic(
                "onnx.loss", "targets of rank \(try target.rank) do not fit scores of rank \(try logarithms.rank)")
        }
        return try logarithms.negativeLogLikelihood(
            target: target, weight: optional(2), ignored: int("ignore_index"), reduction: reduction)
    }
}

enum NegativeLogLikelihoodLoss: ONNXOperator {
    static let versions = [12]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.negativeLogLikelihood(node.input(0))]
    }
}

enum SoftmaxCrossEntropyLoss: ONNXOperator {
    static let versions = [12]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let scores = try node.input(0)
        guard try scores.rank >= 2 else {
            throw Diagnostic("onnx.loss", "scores need an axis of classes, but have rank \(try scores.rank)")
        }
        let logarithms = try scores.logSoftmax(axes: [1])
        return [try node.negativeLogLikelihood(logarithms), logarithms]
    }
}
