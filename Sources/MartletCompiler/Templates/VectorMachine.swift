/// What templates know of a target: widths, registers and instructions of its vector unit.
struct VectorMachine: Hashable, Sendable {
    /// Bytes of a vector register.
    let vectorBytes: Int
    /// Number of vector registers.
    let registers: Int
    /// Whether a multiply-add with one rounding is an instruction.
    let hasFMA: Bool
    /// Dot products of narrow elements that are instructions.
    let dots: Set<DotOpcode>
    /// Lanes of 32-bit elements in a register.
    var lanes: Int { vectorBytes / 4 }

    /// The vector unit of a target.
    init(_ target: CodegenTarget) {
        vectorBytes = target.vectorBytes
        registers = target.vectorRegisters
        hasFMA = target.has(.fma) || target.architecture == .arm
        // The instructions are spelled for vectors of 512 bits.
        let isWide = target.vectorBytes == 64
        var dots: Set<DotOpcode> = []
        if isWide && target.has(.avx512vnni) { dots.insert(.u8s8) }
        if isWide && target.has(.avx512bf16) { dots.insert(.bf16) }
        self.dots = dots
    }
}
