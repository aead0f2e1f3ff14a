import MartletCore
import MartletIR
import MartletLibrary

enum Mean: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = try node.inputs
        guard let first = operands.first else { throw Diagnostic("onnx.input", "input 0 is missing") }
        let type = try first.element
        // Sums of float16 and bfloat16 may overflow.
        let wide: ElementType = type.bitWidth < 32 ? .float32 : type
        let sum = try operands.dropFirst().reduce(first.cast(to: wide)) {
            try Tensor.elementwise(.add, [$0, $1.cast(to: wide)])
        }
        return [try (sum / Double(operands.count)).checked().cast(to: type)]
    }
}
