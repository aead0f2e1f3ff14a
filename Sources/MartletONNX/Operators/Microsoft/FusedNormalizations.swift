import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The sum of the first two operands and a bias that may be left out.
    fileprivate func skipSum(bias: Int) throws -> Tensor {
        let sum = try Tensor.elementwise(.add, [try input(0), try input(1)])
        return try optional(bias).map { try Tensor.elementwise(.add, [sum, $0]) } ?? sum
    }
}

/// Results are the norm, mean and deviation, and the sum that was normalised.
enum SkipLayerNormalization: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let sum = try node.skipSum(bias: 4)
        let normalized = try sum.layerNormalized(
            axis: try sum.rank - 1, scale: try node.input(2), bias: try node.optional(3),
            epsilon: try node.float("epsilon", default: 1e-12), stash: try sum.element == .float64 ? .float64 : .float32
        )
        return [normalized.result, normalized.mean, normalized.inverseDeviation, sum]
    }
}

/// Results are the norm, nothing, the inverse deviation, and the sum that was normalised.
enum SkipSimplifiedLayerNormalization: ONNXOperator {
    static let domain = "com.microsoft"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let sum = try node.skipSum(bias: 3)
        let normalized = try sum.meanSquareNormalized(
            axis: try sum.rank - 1, scale: try node.input(2), epsilon: try node.float("epsilon", default: 1e-12))
        return [normalized.result, nil, normalized.inverse, sum]
    }
}

/// Normalisation by the mean of squares, as ONNX Runtime had it before the standard.
enum SimplifiedLayerNormalization: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let normalized = try x.meanSquareNormalized(
            axis: try node.axis(try node.int("axis", default: -1), rank: try x.rank), scale: try node.input(1),
            epsilon: try node.float("epsilon", default: 1e-5))
        return [normalized.result, normalized.inverse]
    }
}

extension Tensor {
    /// x / √(mean of squares + epsilon) · scale over the axes from `axis` on, and the inverse of the root, as float32.
    fileprivate func meanSquareNormalized(
        axis: Int, scale: Tensor, epsilon: Double
    ) throws -> (result: Tensor, inverse: Tensor) {
        let type = try element
        let x = type == .float64 ? self : try cast(to: .float32)
        let mean = try (x * x).mean(axes: Array(axis..<rank), keepingAxes: true)
        let inverse = try (1 / (mean + epsilon).mapped(.sqrt)).checked()
        let result = try Tensor.elementwise(.mul, [(x * inverse).checked(), scale.cast(to: x.element)])
        return (try result.cast(to: type), inverse)
    }
}
