import MartletCore
import MartletIR
import MartletLibrary

enum CausalConvWithState: ONNXOperator {
    static let versions = [27]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let name = try node.string("activation", default: "none").lowercased()
        guard ["none", "", "silu", "swish"].contains(name) else {
            throw Diagnostic("onnx.attribute", "activation '\(name)' is unknown")
        }
        let isSwish = name == "silu" || name == "swish"
        let result = try node.input(0).causalConvolution(
            try node.input(1), bias: try node.optional(2), state: try node.optional(3),
            activation: isSwish ? { try ($0 * $0.sigmoid()).checked() } : nil)
        return [result.result, result.state]
    }
}
