import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The results of an optimiser of any number of tensors: inputs behind rate and step are all tensors, then all
    /// their gradients, and so on; so are the results.
    ///
    /// - Parameter update: from rate, step, and the `parts` inputs of one tensor to its results.
    func optimized(parts: Int, _ update: (Tensor, Tensor, [Tensor]) throws -> [Tensor]) throws -> [Tensor?] {
        let operands = Array(try inputs.dropFirst(2))
        let count = operands.count / parts
        guard count > 0, operands.count == count * parts else {
            throw Diagnostic("onnx.input", "\(operands.count) inputs do not divide in \(parts) for each tensor")
        }
        let (rate, step) = (try input(0).reshaped(to: []), try input(1).reshaped(to: []))
        let results = try (0..<count).map { number in
            try update(rate, step, (0..<parts).map { operands[$0 * count + number] })
        }
        return results[0].indices.flatMap { part in results.map { $0[part] } }
    }
}

enum AdagradOperator: ONNXOperator {
    static let domain = "ai.onnx.preview.training"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let optimizer = Adagrad(
            decay: try node.float("decay_factor", default: 0), epsilon: try node.float("epsilon", default: 1e-6),
            regularization: try node.float("norm_coefficient", default: 0))
        return try node.optimized(parts: 3) { rate, step, own in
            let next = try optimizer.update(own[0], gradient: own[1], squares: own[2], rate: rate, step: step)
            return [next.x, next.squares]
        }
    }
}

enum AdamOperator: ONNXOperator {
    static let domain = "ai.onnx.preview.training"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let optimizer = Adam(
            alpha: try node.float("alpha", default: 0.9), beta: try node.float("beta", default: 0.999),
            epsilon: try node.float("epsilon", default: 1e-6),
            regularization: try node.float("norm_coefficient", default: 0),
            decay: try node.float("norm_coefficient_post", default: 0))
        return try node.optimized(parts: 4) { rate, step, own in
            let next = try optimizer.update(
                own[0], gradient: own[1], mean: own[2], squares: own[3], rate: rate, step: step)
            return [next.x, next.mean, next.squares]
        }
    }
}

enum MomentumOperator: ONNXOperator {
    static let domain = "ai.onnx.preview.training"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let mode = try node.required("mode", try node.string("mode"))
        guard mode == "standard" || mode == "nesterov" else {
            throw Diagnostic("onnx.attribute", "mode '\(mode)' is unknown")
        }
        func number(_ name: String) throws -> Double { try node.required(name, try node.float(name)) }
        let optimizer = Momentum(
            alpha: try number("alpha"), beta: try number("beta"), regularization: try number("norm_coefficient"),
            isNesterov: mode == "nesterov")
        return try node.optimized(parts: 3) { rate, step, own in
            let next = try optimizer.update(own[0], gradient: own[1], momentum: own[2], rate: rate, step: step)
            return [next.x, next.momentum]
        }
    }
}
