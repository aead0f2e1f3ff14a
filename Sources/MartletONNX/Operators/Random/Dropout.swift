import MartletCore
import MartletIR
import MartletLibrary

/// Ratio and mode are operands from version 12 on. In versions 7 and 10 nothing is dropped; before, attribute `is_test`
/// tells. The mask is bool from version 10 on.
enum Dropout: ONNXOperator {
    static let versions = [1, 7, 10, 12]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let maskType: ElementType = try node.version >= 10 ? .bool : x.element
        let all = Tensor(HostTensor(scalar: true))
        let kept: Tensor, result: Tensor
        switch try mode(node) {
        case .known(false): (result, kept) = (x, try all.expanded(to: x.shape))
        case .known(true): (result, kept) = try x.droppedOut(ratio: ratio(node), node.generator())
        case .computed(let isTraining):
            let dropped = try x.droppedOut(ratio: ratio(node), node.generator())
            result = try Tensor.select(isTraining, dropped.result, x)
            kept = try Tensor.select(isTraining, dropped.kept, all)
        }
        return [result, node.isWanted(1) ? try kept.cast(to: maskType) : nil]
    }

    private enum Mode {
        case known(Bool)
        case computed(Tensor)
    }

    /// Whether elements are dropped.
    private static func mode(_ node: ImportedNode) throws -> Mode {
        switch node.version {
        case 1: return .known(try !node.flag("is_test"))
        case 7, 10: return .known(false)
        default:
            guard let operand = try node.optional(2) else { return .known(false) }
            if let value = try operand.concrete?.ints().first { return .known(value != 0) }
            return .computed(try operand.reshaped(to: []))
        }
    }

    private static func ratio(_ node: ImportedNode) throws -> Tensor {
        if node.version < 12 { return try Tensor(try node.float("ratio", default: 0.5), as: .float32) }
        guard let operand = try node.optional(1) else { return try Tensor(0.5, as: .float32) }
        if let value = try operand.concrete?.doubles().first, !(0..<1 ~= value) {
            throw Diagnostic("onnx.dropout", "the ratio must be at least 0 and less than 1, not \(value)")
        }
        return operand
    }
}
