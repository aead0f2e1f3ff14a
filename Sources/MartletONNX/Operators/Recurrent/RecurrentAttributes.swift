import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The attributes that RNN, GRU and LSTM share.
    ///
    /// - Parameter standard: the functions of one direction where the node names none.
    func recurrentLayer(_ standard: [RecurrentActivation]) throws -> RecurrentLayer {
        let name = try string("direction", default: "forward").lowercased()
        guard let direction = RecurrentLayer.Direction(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "direction '\(name)' is unknown")
        }
        let defaults = Array(repeating: standard, count: direction.count).flatMap(\.self)
        return RecurrentLayer(
            direction: direction, activations: try recurrentActivations() ?? defaults, clip: try float("clip"))
    }

    /// The functions that the node names; alphas and betas stand in order for those that take them.
    private func recurrentActivations() throws -> [RecurrentActivation]? {
        guard let names = try strings("activations"), !names.isEmpty else { return nil }
        var alphas = (try floats("activation_alpha") ?? [])[...], betas = (try floats("activation_beta") ?? [])[...]
        return try names.map { name in
            guard let kind = RecurrentActivation.Kind(rawValue: name.lowercased()) else {
                throw Diagnostic("onnx.attribute", "activation '\(name)' is unknown")
            }
            let alpha = kind.parameterCount > 0 ? alphas.popFirst() : nil
            return RecurrentActivation(kind, alpha: alpha, beta: kind.parameterCount > 1 ? betas.popFirst() : nil)
        }
    }
}
