/// A processor, or a level of processors, that LLVM knows by name. The list is closed: LLVM ends the process when it
/// meets a name it does not know, so no other name reaches it.
struct CPUModel: Hashable, Sendable {
    /// The name in Martlet's options and files.
    var name: String
    /// The name LLVM knows it by.
    var llvmName: String
    var architecture: CPUArchitecture
    /// All extensions that the name implies, in the order of `CPUFeature`.
    var features: [CPUFeature]

    /// The model of that name.
    static func named(_ name: some StringProtocol) -> CPUModel? {
        all.first { $0.name == name }
    }

    /// The levels of an architecture, widest first: what a probed processor is mapped to.
    static func levels(of architecture: CPUArchitecture) -> [CPUModel] {
        let names: [String] =
            switch architecture {
            case .x86: ["x86-64-v4", "x86-64-v3", "x86-64-v2", "x86-64"]
            case .arm: ["aarch64"]
            }
        return names.compactMap { named($0) }
    }

    /// Every model; each is known to LLVM 19 and later.
    static let all: [CPUModel] = x86Models + armModels

    private static let x86Models: [CPUModel] = {
        let v2: [CPUFeature] = [.sse3, .ssse3, .sse41, .sse42, .popcnt, .cx16, .sahf]
        let v3: [CPUFeature] = v2 + [.avx, .avx2, .bmi, .bmi2, .f16c, .fma, .lzcnt, .movbe, .xsave]
        let v4: [CPUFeature] = v3 + [.avx512f, .avx512bw, .avx512cd, .avx512dq, .avx512vl]
        let iceLake: [CPUFeature] =
            v4 + [
                .gfni, .avx512ifma, .avx512vbmi, .avx512vbmi2, .avx512vnni, .avx512bitalg, .avx512vpopcntdq,
            ]
        let zen4: [CPUFeature] = iceLake + [.avx512bf16]
        return [
            model("x86-64", .x86, []),
            model("x86-64-v2", .x86, v2),
            model("x86-64-v3", .x86, v3),
            model("x86-64-v4", .x86, v4),
            model("haswell", .x86, v3),
            model("alderlake", .x86, v3 + [.gfni, .avxvnni]),
            model("skylake-avx512", .x86, v4),
            model("cascadelake", .x86, v4 + [.avx512vnni]),
            model("icelake-server", .x86, iceLake),
            model("sapphirerapids", .x86, zen4 + [.avxvnni, .avx512fp16, .amxTile, .amxInt8, .amxBF16]),
            model("znver2", .x86, v3),
            model("znver3", .x86, v3),
            model("znver4", .x86, zen4),
            model("znver5", .x86, zen4 + [.avxvnni]),
        ]
    }()

    private static let armModels: [CPUModel] = {
        let n1: [CPUFeature] = [.neon, .dotprod, .fullfp16]
        let v1: [CPUFeature] = n1 + [.fp16fml, .bf16, .i8mm, .sve]
        return [
            model("aarch64", llvm: "generic", .arm, [.neon]),
            model("cortex-a72", .arm, [.neon]),
            model("cortex-a76", .arm, n1),
            model("neoverse-n1", .arm, n1),
            model("neoverse-v1", .arm, v1),
            model("neoverse-v2", .arm, v1 + [.sve2]),
            model("apple-m1", .arm, n1 + [.fp16fml]),
        ]
    }()

    private static func model(
        _ name: String, llvm: String? = nil, _ architecture: CPUArchitecture, _ features: [CPUFeature]
    ) -> CPUModel {
        let ordered = CPUFeature.allCases.filter(features.contains)
        return CPUModel(name: name, llvmName: llvm ?? name, architecture: architecture, features: ordered)
    }
}
