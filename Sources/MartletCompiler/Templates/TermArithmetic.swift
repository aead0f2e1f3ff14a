import MartletCore

/// How a step along the depth of a contraction multiplies: one term at a time, or a group of terms by a dot-product
/// instruction.
struct TermArithmetic {
    /// The instruction; nil for multiply-adds.
    let opcode: DotOpcode?
    /// Whether the panel holds the unsigned bytes and the rows the signed ones.
    let isSwapped: Bool
    /// Whether signed rows are raised by 128 to be unsigned, for which the sums start 128 panel sums lower.
    let raisesRows: Bool

    static let multiplyAdd = TermArithmetic(opcode: nil, isSwapped: false, raisesRows: false)

    /// Terms of a step; the panel holds them side by side.
    var terms: Int {
        switch opcode {
        case nil: return 1
        case .u8s8: return 4
        case .bf16: return 2
        }
    }

    /// The type that the instruction takes a vector of 32-bit words as.
    var operandType: VectorType {
        opcode == .bf16 ? VectorType(.bf16, lanes: 32) : VectorType(.i8, lanes: 64)
    }

    /// What the machine has for products of these elements summed in that type. Integer sums are the same in all forms.
    static func best(
        rows: ElementType, panel: ElementType, sum: ElementType, machine: VectorMachine
    ) -> TermArithmetic {
        if machine.dots.contains(.u8s8), sum == .int32 {
            switch (rows, panel) {
            case (.uint8, .int8): return TermArithmetic(opcode: .u8s8, isSwapped: false, raisesRows: false)
            case (.int8, .uint8): return TermArithmetic(opcode: .u8s8, isSwapped: true, raisesRows: false)
            case (.int8, .int8): return TermArithmetic(opcode: .u8s8, isSwapped: false, raisesRows: true)
            default: return .multiplyAdd
            }
        }
        let isBrain = rows == .bfloat16 && panel == .bfloat16 && (sum == .float32 || sum == .bfloat16)
        return isBrain && machine.dots.contains(.bf16)
            ? TermArithmetic(opcode: .bf16, isSwapped: false, raisesRows: false) : .multiplyAdd
    }
}
