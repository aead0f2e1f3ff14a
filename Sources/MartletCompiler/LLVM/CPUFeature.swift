/// An instruction set that Martlet generates code for.
public enum CPUArchitecture: String, Hashable, Sendable, CaseIterable {
    /// x86-64 with the System V calling convention.
    case x86 = "x86-64"
    /// 64-bit ARM with the AAPCS64 calling convention.
    case arm = "aarch64"

    /// The architecture this process runs on; nil where Martlet generates no code for it.
    public static var host: CPUArchitecture? {
        #if arch(x86_64)
            return .x86
        #elseif arch(arm64)
            return .arm
        #else
            return nil
        #endif
    }

    /// LLVM's target triple.
    public var triple: String {
        switch self {
        case .x86: "x86_64-unknown-linux-gnu"
        case .arm: "aarch64-unknown-linux-gnu"
        }
    }

    /// LLVM's data layout for `triple`, in the form that LLVM 19 and later read.
    public var dataLayout: String {
        switch self {
        case .x86:
            "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
        case .arm:
            "e-m:e-p270:32:32-p271:32:32-p272:64:64-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32"
        }
    }
}

/// An instruction set extension that generated code may use. The raw value is LLVM's name of it.
public enum CPUFeature: String, Hashable, Sendable, CaseIterable {
    // x86-64, in the order in which the levels v2, v3 and v4 bring them.
    case sse3, ssse3, sse41 = "sse4.1", sse42 = "sse4.2", popcnt, cx16, sahf
    case avx, avx2, bmi, bmi2, f16c, fma, lzcnt, movbe, xsave
    case avx512f, avx512bw, avx512cd, avx512dq, avx512vl
    // x86-64, beyond the levels.
    case gfni, avxvnni
    case avx512ifma, avx512vbmi, avx512vbmi2, avx512vnni, avx512bitalg, avx512vpopcntdq, avx512bf16, avx512fp16
    case amxTile = "amx-tile", amxInt8 = "amx-int8", amxBF16 = "amx-bf16", amxFP16 = "amx-fp16"
    // AArch64.
    case neon, dotprod, fullfp16, fp16fml, bf16, i8mm, sve, sve2

    /// The architecture that has this extension.
    public var architecture: CPUArchitecture {
        switch self {
        case .neon, .dotprod, .fullfp16, .fp16fml, .bf16, .i8mm, .sve, .sve2: .arm
        default: .x86
        }
    }

    /// The word that stands for it in the `flags` (x86) or `Features` (AArch64) line of Linux's `/proc/cpuinfo`.
    var linuxFlag: String {
        switch self {
        case .sse3: "pni"
        case .sse41: "sse4_1"
        case .sse42: "sse4_2"
        case .sahf: "lahf_lm"
        case .bmi: "bmi1"
        case .lzcnt: "abm"
        case .avxvnni: "avx_vnni"
        case .avx512vbmi2: "avx512_vbmi2"
        case .avx512vnni: "avx512_vnni"
        case .avx512bitalg: "avx512_bitalg"
        case .avx512vpopcntdq: "avx512_vpopcntdq"
        case .avx512bf16: "avx512_bf16"
        case .avx512fp16: "avx512_fp16"
        case .amxTile: "amx_tile"
        case .amxInt8: "amx_int8"
        case .amxBF16: "amx_bf16"
        case .amxFP16: "amx_fp16"
        case .neon: "asimd"
        case .dotprod: "asimddp"
        case .fullfp16: "asimdhp"
        case .fp16fml: "asimdfhm"
        default: rawValue
        }
    }
}
