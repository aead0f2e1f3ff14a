internal import CMartlet
internal import MartletCore

/// What this CPU and its operating system offer to generated code.
public struct CPUFeatures: Sendable {
    /// Names as Linux prints them in `/proc/cpuinfo`, sorted.
    public let names: [String]
    private let normalized: Set<String>

    /// The features of the machine that the program runs on.
    public static let current = CPUFeatures(names: detect())

    /// A machine with exactly these features.
    public init(names: [String]) {
        self.names = names.sorted()
        normalized = Set(names.map(Self.normalize))
    }

    /// Whether the feature is there; punctuation and case of the name do not count, so that the names of Linux
    /// (`avx512_vnni`) and of LLVM (`avx512vnni`) both work.
    public func contains(_ name: String) -> Bool {
        normalized.contains(Self.normalize(name))
    }

    /// Those of `required` that are missing, in their order.
    public func missing(of required: [String]) -> [String] {
        required.filter { !contains($0) }
    }

    /// The name of the richest portable target that runs here, as `--target` takes it.
    public var portableTarget: String {
        #if arch(x86_64)
            for (target, features) in Self.levels.reversed() where missing(of: features).isEmpty { return target }
            return "x86-64"
        #else
            return "aarch64"
        #endif
    }

    /// LLVM's and Linux' names of one feature, brought to one form.
    private static func normalize(_ name: String) -> String {
        let plain = String(name.lowercased().filter { $0.isLetter || $0.isNumber })
        switch plain {
        case "neon": return "asimd"
        case "dotprod": return "asimddp"
        case "fullfp16": return "asimdhp"
        case "lzcnt": return "abm"
        case "bmi": return "bmi1"
        case "sahf": return "lahflm"
        default: return plain
        }
    }

    /// The levels of the x86-64 psABI, each with what it adds.
    static let levels: [(String, [String])] = {
        let v2: [String] = ["cx16", "popcnt", "sse3", "ssse3", "sse4_1", "sse4_2"]
        let v3: [String] = v2 + ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"]
        let v4: [String] = v3 + ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
        return [("x86-64-v2", v2), ("x86-64-v3", v3), ("x86-64-v4", v4)]
    }()
}

#if arch(x86_64)
    extension CPUFeatures {
        private enum Register { case ebx, ecx, edx, eax }

        /// What the operating system must save for a feature to be usable: bits of XCR0.
        private static let avxState: UInt64 = 0x6
        private static let avx512State: UInt64 = 0xe6
        private static let amxState: UInt64 = 0x6_0000

        /// Leaf, subleaf, register, bit, needed state, name.
        private static let table: [(UInt32, UInt32, Register, UInt32, UInt64, String)] = [
            (1, 0, .ecx, 0, 0, "sse3"), (1, 0, .ecx, 1, 0, "pclmulqdq"), (1, 0, .ecx, 9, 0, "ssse3"),
            (1, 0, .ecx, 12, avxState, "fma"), (1, 0, .ecx, 13, 0, "cx16"), (1, 0, .ecx, 19, 0, "sse4_1"),
            (1, 0, .ecx, 20, 0, "sse4_2"), (1, 0, .ecx, 22, 0, "movbe"), (1, 0, .ecx, 23, 0, "popcnt"),
            (1, 0, .ecx, 28, avxState, "avx"), (1, 0, .ecx, 29, avxState, "f16c"),
            (7, 0, .ebx, 3, 0, "bmi1"), (7, 0, .ebx, 5, avxState, "avx2"), (7, 0, .ebx, 8, 0, "bmi2"),
            (7, 0, .ebx, 16, avx512State, "avx512f"), (7, 0, .ebx, 17, avx512State, "avx512dq"),
            (7, 0, .ebx, 21, avx512State, "avx512ifma"), (7, 0, .ebx, 28, avx512State, "avx512cd"),
            (7, 0, .ebx, 30, avx512State, "avx512bw"), (7, 0, .ebx, 31, avx512State, "avx512vl"),
            (7, 0, .ecx, 1, avx512State, "avx512vbmi"), (7, 0, .ecx, 6, avx512State, "avx512_vbmi2"),
            (7, 0, .ecx, 8, 0, "gfni"), (7, 0, .ecx, 11, avx512State, "avx512_vnni"),
            (7, 0, .ecx, 12, avx512State, "avx512_bitalg"), (7, 0, .ecx, 14, avx512State, "avx512_vpopcntdq"),
            (7, 0, .edx, 22, amxState, "amx_bf16"), (7, 0, .edx, 23, avx512State, "avx512_fp16"),
            (7, 0, .edx, 24, amxState, "amx_tile"), (7, 0, .edx, 25, amxState, "amx_int8"),
            (7, 1, .eax, 4, avxState, "avx_vnni"), (7, 1, .eax, 5, avx512State, "avx512_bf16"),
            (7, 1, .eax, 23, avxState, "avx_ifma"), (7, 1, .edx, 4, avxState, "avx_vnni_int8"),
            (1, 0, .ecx, 26, 0, "xsave"), (0x8000_0001, 0, .ecx, 0, 0, "lahf_lm"), (0x8000_0001, 0, .ecx, 5, 0, "abm"),
        ]

        private static func detect() -> [String] {
            let highest = cm_cpuid(0, 0).eax
            let highestExtended = cm_cpuid(0x8000_0000, 0).eax
            let savesState = cm_cpuid(1, 0).ecx >> 27 & 1 == 1
            let state = savesState ? cm_xgetbv() : 0
            var names: [String] = ["sse", "sse2"]
            for (leaf, subleaf, register, bit, needed, name) in table {
                guard leaf <= (leaf >= 0x8000_0000 ? highestExtended : highest) else { continue }
                guard subleaf == 0 || subleaf <= cm_cpuid(leaf, 0).eax else { continue }
                let result = cm_cpuid(leaf, subleaf)
                let word =
                    switch register {
                    case .eax: result.eax
                    case .ebx: result.ebx
                    case .ecx: result.ecx
                    case .edx: result.edx
                    }
                if word >> bit & 1 == 1, state & needed == needed { names.append(name) }
            }
            return names
        }
    }
#else
    extension CPUFeatures {
        /// Word of the kernel's hardware capabilities, bit, name.
        private static let table: [(Int32, UInt64, String)] = [
            (1, 0, "fp"), (1, 1, "asimd"), (1, 7, "crc32"), (1, 8, "atomics"), (1, 9, "fphp"), (1, 10, "asimdhp"),
            (1, 12, "asimdrdm"), (1, 20, "asimddp"), (1, 22, "sve"), (1, 23, "asimdfhm"), (2, 1, "sve2"),
            (2, 13, "i8mm"), (2, 14, "bf16"),
        ]

        private static func detect() -> [String] {
            table.filter { cm_hardware_capabilities($0.0) >> $0.1 & 1 == 1 }.map { $0.2 }
        }
    }
#endif

extension CPUFeatures {
    /// Asks the system for the tile registers, which processes do not have by default.
    ///
    /// - Throws: `engine.incompatible` if it refuses.
    static func requestTiles() throws {
        guard cm_request_amx() == 0 else {
            throw Diagnostic("engine.incompatible", "the system refuses the tile registers (AMX) to this process")
        }
    }
}
