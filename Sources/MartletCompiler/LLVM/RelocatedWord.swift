import MartletCore

/// One 32-bit word that a relocation changes. Formulas and numbers are those of the System V ABI for x86-64 and of
/// "ELF for the Arm 64-bit Architecture" (S + A is `target`, P is `place`; both count from the start of the code, which
/// lies on a page).
struct RelocatedWord {
    var bits: UInt32
    var place: Int64
    var target: Int64

    /// The new word; nil for a relocation that is not known.
    func relocated(type: UInt32, on architecture: CPUArchitecture) throws -> UInt32? {
        switch architecture {
        case .x86: try relocatedX86(type)
        case .arm: try relocatedARM(type)
        }
    }

    private func relocatedX86(_ type: UInt32) throws -> UInt32? {
        let (pc32, plt32): (UInt32, UInt32) = (2, 4)
        // A call through the PLT reaches a function of the same code directly.
        guard type == pc32 || type == plt32 else { return nil }
        return try distance(bits: 32)
    }

    private func relocatedARM(_ type: UInt32) throws -> UInt32? {
        switch type {
        case 261: try distance(bits: 32)  // PREL32
        case 275: try pageAddress()  // ADR_PREL_PG_HI21
        case 277: try lowBits(scale: 0)  // ADD_ABS_LO12_NC
        case 278: try lowBits(scale: 0)  // LDST8_ABS_LO12_NC
        case 284: try lowBits(scale: 1)  // LDST16_ABS_LO12_NC
        case 285: try lowBits(scale: 2)  // LDST32_ABS_LO12_NC
        case 286: try lowBits(scale: 3)  // LDST64_ABS_LO12_NC
        case 299: try lowBits(scale: 4)  // LDST128_ABS_LO12_NC
        case 282, 283: try branch()  // JUMP26, CALL26
        default: nil
        }
    }

    /// S + A - P in a signed field.
    private func distance(bits: Int) throws -> UInt32 {
        UInt32(truncatingIfNeeded: try fitting(target - place, bits: bits))
    }

    /// Page(S + A) - Page(P) in the split immediate of `adrp`.
    private func pageAddress() throws -> UInt32 {
        let pages = try fitting((target >> 12) - (place >> 12), bits: 21)
        let value = UInt32(truncatingIfNeeded: pages)
        return (bits & 0x9f00_001f) | ((value & 3) << 29) | (((value >> 2) & 0x7ffff) << 5)
    }

    /// The low 12 bits of S + A in units of the access, in the immediate of `add`, `ldr` and `str`.
    private func lowBits(scale: UInt32) throws -> UInt32 {
        let low = UInt32(truncatingIfNeeded: target) & 0xfff
        guard low & ((1 << scale) - 1) == 0 else {
            throw Diagnostic("link.relocation", "a reference to data that is not aligned for its access")
        }
        return (bits & 0xffc0_03ff) | ((low >> scale) << 10)
    }

    /// S + A - P in units of instructions.
    private func branch() throws -> UInt32 {
        let distance = target - place
        guard distance & 3 == 0 else { throw Diagnostic("link.relocation", "a branch to a place between instructions") }
        return (bits & 0xfc00_0000) | (UInt32(truncatingIfNeeded: try fitting(distance >> 2, bits: 26)) & 0x3ff_ffff)
    }

    private func fitting(_ value: Int64, bits: Int) throws -> Int64 {
        let limit = Int64(1) << (bits - 1)
        guard value >= -limit, value < limit else {
            throw Diagnostic("link.relocation", "a reference that reaches too far")
        }
        return value
    }
}
