import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// What is done to scores at the end.
    func scoreTransform() throws -> ScoreTransform {
        let name = try string("post_transform", default: "NONE")
        guard let transform = ScoreTransform(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "post_transform '\(name)' is unknown")
        }
        return transform
    }

    /// Labels of classes; of texts their numbers, which can be used for the scores only.
    func classLabels(_ integers: String, _ texts: String) throws -> (labels: [Int], areTexts: Bool) {
        if let labels = try ints(integers), !labels.isEmpty { return (labels, false) }
        guard let names = try strings(texts), !names.isEmpty else {
            throw Diagnostic("onnx.attribute", "the node has no class labels")
        }
        if isWanted(0) { throw Diagnostic("onnx.strings", "labels that are texts are not supported") }
        return (Array(names.indices), true)
    }

    /// Numbers from an attribute, or from a tensor `…_as_tensor`.
    func numbers(_ name: String) throws -> [Double]? {
        if let tensor = try tensor("\(name)_as_tensor") { return try tensor.doubles() }
        return try floats(name)
    }

    /// Features, integers as float32.
    func features() throws -> Tensor {
        let x = try input(0)
        return try x.element == .float64 ? x : x.cast(to: .float32)
    }
}
