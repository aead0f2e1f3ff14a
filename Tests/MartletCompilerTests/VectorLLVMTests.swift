import TestSupport
import Testing

@testable import MartletCompiler

struct VectorLLVMTests {
    private static let names = ["x86-64", "x86-64-v3", "znver4", "aarch64"]

    private static let kernels: [VectorFunction] = [1, 3, 16].flatMap { lanes in
        VectorOpcodeKernels.all(lanes: lanes).map(\.function)
    }

    @Test(.enabled(if: LLVMFixtures.hasLibrary), arguments: names)
    func everyOpcodeCompilesWithTheLibrary(name: String) throws {
        let target = try CodegenTarget(named: name)
        let text = VectorSupport.module(Self.kernels, for: target)
        // Linking refuses calls of library functions.
        let code = try ObjectLinker.link(try LLVMFixtures.generator().object(irText: text, target: target))
        #expect(code.entries.count == Self.kernels.count)
    }

    @Test(.enabled(if: LLVMFixtures.hasClang), arguments: names)
    func everyOpcodeCompilesWithClang(name: String) throws {
        let target = try CodegenTarget(named: name)
        let generator = CodeGenerator(backend: .clang(try LLVMFixtures.clang.orThrow("no clang")))
        let text = VectorSupport.module(Self.kernels, for: target)
        let code = try ObjectLinker.link(try generator.object(irText: text, target: target))
        #expect(code.entries.count == Self.kernels.count)
    }

    @Test(
        arguments: [[], .rounding, .half, .brain, .lowest, [.rounding, .half, .brain, .lowest]]
            as [VectorExpansion.Abilities])
    func whatIsReplacedComputesTheSame(abilities: VectorExpansion.Abilities) throws {
        var random = SplitMix64(seed: 77)
        for (name, function) in VectorOpcodeKernels.all(lanes: 4) {
            let expanded = VectorExpansion.expanded(function, for: abilities)
            #expect(VectorVerifier.problems(in: expanded).isEmpty, "\(name)")
            for _ in 0..<10 {
                let data = VectorDifference.data(&random)
                var (left, right) = (data, data)
                try VectorSupport.interpret(function, &left)
                try VectorSupport.interpret(expanded, &right)
                #expect(VectorDifference.first(left, right) == nil, "\(name)")
            }
        }
    }

    /// All numbers of f16, and f32 around all of their midpoints.
    @Test func halfConversionsAreExact() throws {
        for wide in [VectorType.Scalar.f32, .f64] {
            let function = VectorSupport.kernel { builder, data in
                let x = builder.load(VectorType(wide), data)
                builder.store(builder.convert(x, to: .f16), builder.address(data, 8))
                let half = builder.convert(.trunc, builder.load(VectorType(.i64), builder.address(data, 16)), to: .i16)
                let value = builder.bitcast(half, to: VectorType(.f16))
                builder.store(builder.convert(value, to: wide), builder.address(data, 24))
            }
            let expanded = VectorExpansion.expanded(function, for: [])
            for step in stride(from: 0, to: 0x1_0000, by: 31) {
                let half = Float16(bitPattern: UInt16(step))
                let next = Float16(bitPattern: UInt16(step) &+ 1)
                let middle = (Float(half) + Float(next)) / 2
                for value in [middle, middle.nextUp, middle.nextDown] where !value.isNaN {
                    let bits = wide == .f64 ? Double(value).bitPattern : UInt64(value.bitPattern)
                    var data: [UInt64] = [bits, 0, UInt64(step), 0]
                    try VectorSupport.interpret(expanded, &data)
                    #expect(data[1] == UInt64(Float16(value).bitPattern), "\(value)")
                    let back = wide == .f64 ? Double(half).bitPattern : UInt64(Float(half).bitPattern)
                    #expect(data[3] == back || half.isNaN, "\(half)")
                }
            }
        }
    }
}
