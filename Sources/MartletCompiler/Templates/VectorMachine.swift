/// What templates know of a target: widths, registers and instructions of its vector unit.
struct VectorMachine: Hashable, Sendable {
    /// Bytes of a vector register.
    let vectorBytes: Int
    /// Number of vector registers.
    let registers: Int
    /// Whether a multiply-add with one rounding is an instruction.
    let hasFMA: Bool
    /// Lanes of 32-bit elements in a register.
    var lanes: Int { vectorBytes / 4 }
}
