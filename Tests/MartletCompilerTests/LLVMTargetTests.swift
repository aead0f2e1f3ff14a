import MartletCore
import Testing

@testable import MartletCompiler

struct LLVMTargetTests {
    @Test func namesRoundTrip() throws {
        for target in CodegenTarget.known {
            #expect(try CodegenTarget(named: target.name) == target)
        }
        let target = try CodegenTarget(named: "x86-64-v4+avx512bf16+avx512vnni")
        #expect(target.name == "x86-64-v4+avx512vnni+avx512bf16")
        #expect(target.features == "+avx512vnni,+avx512bf16")
        #expect(try CodegenTarget(named: target.name) == target)
        #expect(target.has(.avx512vnni) && !target.has(.avxvnni))
    }

    @Test func unknownNamesAreRefused() {
        for (name, code) in [
            ("pentium", "codegen.unknown-cpu"), ("", "codegen.unknown-cpu"),
            ("znver4+nosuch", "codegen.unknown-feature"), ("aarch64+avx2", "codegen.unknown-feature"),
            ("znver4+", "codegen.unknown-feature"),
        ] {
            #expect { try CodegenTarget(named: name) } throws: { ($0 as? Diagnostic)?.code == code }
        }
    }

    @Test func registersAndVectors() throws {
        let widths = try ["x86-64-v2", "x86-64-v3", "x86-64-v4", "znver5", "aarch64"].map {
            let target = try CodegenTarget(named: $0)
            return [target.vectorBytes, target.vectorRegisters]
        }
        #expect(widths == [[16, 16], [32, 16], [64, 32], [64, 32], [16, 32]])
    }

    @Test func hostIsTheWidestLevelAndExactFeatures() {
        let zen5 = """
            processor\t: 0
            flags\t\t: fpu sse2 pni ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt xsave avx f16c lahf_lm abm \
            bmi1 avx2 bmi2 avx512f avx512dq avx512cd avx512bw avx512vl avx_vnni avx512_bf16 gfni avx512_vnni
            bugs\t\t: flags
            """
        let target = CodegenTarget.host(cpuInfo: zen5, architecture: .x86)
        #expect(target.name == "x86-64-v4+gfni+avxvnni+avx512vnni+avx512bf16")
        let noAVX512VL = CodegenTarget.host(cpuInfo: zen5.replacing("avx512vl ", with: ""), architecture: .x86)
        #expect(noAVX512VL.cpu == "x86-64-v3" && noAVX512VL.has(.avx512f) && !noAVX512VL.has(.avx512vl))
        #expect(CodegenTarget.host(cpuInfo: "", architecture: .x86).name == "x86-64")
        let arm = "Features\t: fp asimd evtstrm aes atomics fphp asimdhp asimddp sve i8mm bf16\n"
        #expect(CodegenTarget.host(cpuInfo: arm, architecture: .arm).name == "aarch64+dotprod+fullfp16+bf16+i8mm+sve")
        #expect(CodegenTarget.host(cpuInfo: "Features:", architecture: .arm).name == "aarch64")
    }

    @Test func runsOnComparesFeatures() throws {
        let (v3, zen4) = (try CodegenTarget(named: "x86-64-v3"), try CodegenTarget(named: "znver4"))
        #expect(v3.runs(on: zen4) && !zen4.runs(on: v3) && v3.runs(on: v3))
        #expect(!v3.runs(on: try CodegenTarget(named: "neoverse-n1")))
    }
}
