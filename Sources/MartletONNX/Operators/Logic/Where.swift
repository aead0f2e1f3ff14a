import MartletCore
import MartletIR
import MartletLibrary

enum Where: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = try node.inputs
        guard operands.count == 3 else { throw Diagnostic("onnx.input", "3 inputs are needed") }
        if let sizes = try selectedSizes(operands) { return [sizes] }
        return [try Tensor.elementwise(.select, operands)]
    }

    /// The choice among vectors of sizes by a known condition, which stays a vector of sizes.
    private static func selectedSizes(_ operands: [Tensor]) throws -> Tensor? {
        let shapes = try operands.map { try $0.shape }
        guard shapes[0].count == 1, shapes.allSatisfy({ $0 == shapes[0] }), try operands[1].element == .int64,
            operands[1].concrete == nil || operands[2].concrete == nil,
            let condition = try operands[0].concrete?.ints(), let first = operands[1].symbolicValues,
            let second = operands[2].symbolicValues
        else { return nil }
        return try Tensor.dimensions(condition.indices.map { condition[$0] != 0 ? first[$0] : second[$0] })
    }
}
