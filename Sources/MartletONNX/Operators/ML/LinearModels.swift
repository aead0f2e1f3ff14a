import MartletCore
import MartletIR
import MartletLibrary

enum LinearRegressor: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let model = try LinearModel(
            coefficients: try node.required("coefficients", try node.floats("coefficients")),
            intercepts: try node.floats("intercepts") ?? [], results: try node.int("targets", default: 1),
            transform: try node.scoreTransform())
        return [try model(try node.input(0))]
    }
}

enum LinearClassifier: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let labels = try node.classLabels("classlabels_ints", "classlabels_strings")
        let coefficients = try node.required("coefficients", try node.floats("coefficients"))
        let intercepts = try node.floats("intercepts") ?? []
        let model = try LinearModel(
            coefficients: coefficients, intercepts: intercepts,
            results: intercepts.isEmpty ? labels.labels.count : intercepts.count, transform: try node.scoreTransform())
        let result = try model.classes(try node.input(0), labels: labels.labels)
        return [labels.areTexts ? nil : result.labels, result.scores]
    }
}

extension ImportedNode {
    fileprivate func supportVectors(_ count: Int) throws -> SupportVectors {
        let name = try string("kernel_type", default: "LINEAR")
        guard let kind = VectorKernel.Kind(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "kernel_type '\(name)' is unknown")
        }
        return try SupportVectors(
            VectorKernel(count == 0 ? .linear : kind, parameters: try floats("kernel_params") ?? []),
            vectors: try floats("support_vectors") ?? [], count: count,
            coefficients: try required("coefficients", try floats("coefficients")),
            rho: try required("rho", try floats("rho")))
    }
}

enum SVMRegressor: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let machine = try node.supportVectors(try node.int("n_supports", default: 0))
        let result = try machine.regression(try node.input(0), oneClass: try node.flag("one_class"))
        return [try result.scores(node.scoreTransform())]
    }
}

enum SVMClassifier: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let labels = try node.classLabels("classlabels_ints", "classlabels_strings")
        let sizes = try node.ints("vectors_per_class") ?? []
        guard sizes.allSatisfy({ (0..<1 << 31).contains($0) }), sizes.count < 1 << 16 else {
            throw Diagnostic("onnx.attribute", "'vectors_per_class' is out of range")
        }
        let machine = try node.supportVectors(sizes.reduce(0, +))
        let classifier = try SupportVectorClassifier(
            machine, vectorsPerClass: sizes,
            probabilities: (try node.floats("prob_a") ?? [], try node.floats("prob_b") ?? []),
            labels: labels.labels, transform: try node.scoreTransform())
        let result = try classifier(try node.input(0))
        return [labels.areTexts ? nil : result.labels, result.scores]
    }
}
