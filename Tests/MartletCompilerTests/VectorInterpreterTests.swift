import MartletCore
import TestSupport
import Testing

@testable import MartletCompiler

struct VectorInterpreterTests {
    private func code(_ body: (VectorBuilder, Register) -> Void) -> String? {
        var data = [UInt64](repeating: 0, count: 4)
        return errorCode { try VectorSupport.interpret(VectorSupport.kernel(body), &data, first: 0, last: 10) }
    }

    @Test func accessesAreChecked() {
        let vector = VectorType(.f32, lanes: 8)
        #expect(code { $0.store($0.load(vector, $1), $1) } == nil)
        #expect(code { _ = $0.load(vector, $0.address($1, 4)) } == "vector.bounds")
        #expect(code { _ = $0.load(vector, $0.address($1, -4)) } == "vector.bounds")
        #expect(code { _ = $0.load(vector, $0.address($1, 2)) } == "vector.alignment")
        #expect(code { _ = $0.load(.index, $0.address($1, 4), align: 8) } == "vector.alignment")
        #expect(code { builder, _ in builder.store(builder.first, builder.words) } == "vector.read-only")
        #expect(code { builder, _ in _ = builder.load(.index, builder.scratch) } == "vector.bounds")
    }

    @Test func partsOfVectorsAreCheckedAsFarAsTheyReach() {
        let vector = VectorType(.f32, lanes: 8)
        let check = { (count: Int) in
            self.code { builder, data in
                let start = builder.address(data, 24)
                let count = builder.add(builder.first, count)
                builder.store(builder.load(vector, start, first: count), start, first: count)
            }
        }
        #expect(check(2) == nil)
        #expect(check(0) == nil)
        #expect(check(-3) == nil)
        #expect(check(3) == "vector.bounds")
    }

    @Test func whatIsUndefinedIsAnError() {
        #expect(
            code { builder, _ in _ = builder.binary(.shl, builder.last, builder.add(builder.last, 54)) }
                == "vector.undefined")
        #expect(code { builder, _ in _ = builder.binary(.urem, builder.last, builder.first) } == "vector.undefined")
        #expect(
            code { builder, _ in _ = builder.convert(.fptosi, builder.float(3e9, VectorType(.f32)), to: .i32) }
                == "vector.undefined")
        #expect(
            code { builder, _ in builder.loop(from: builder.first, to: builder.last, step: builder.first) { _, _ in [] }
            } == "vector.undefined")
    }

    @Test func longRunsEnd() throws {
        let function = VectorSupport.kernel { builder, _ in
            builder.loop(from: builder.first, to: builder.int(.max / 2)) { _ = builder.add($0, 1) }
        }
        let bases: [UInt64] = [0, 0]
        try bases.withUnsafeBytes { bases in
            let interpreter = VectorInterpreter(memory: VectorMemory([.init("bases", bases)]), limit: 1000)
            let start = try bases.baseAddress.orThrow("no bases")
            #expect(throws: Diagnostic.self) {
                try interpreter.run(function, bases: start, words: start, first: 0, last: 0, scratch: nil)
            }
        }
    }

    @Test(.enabled(if: !VectorSupport.targets.isEmpty), arguments: [1, 4, 16])
    func opcodesAgreeWithMachineCode(lanes: Int) throws {
        var random = SplitMix64(seed: UInt64(lanes))
        let cases = VectorOpcodeKernels.all(lanes: lanes)
        for target in VectorSupport.targets {
            let kernels = try VectorSupport.compiled(cases.map(\.function), for: target)
            for ((name, function), kernel) in zip(cases, kernels) {
                for _ in 0..<4 {
                    let data = VectorDifference.data(&random)
                    let difference = try VectorDifference.first(function, kernel, data)
                    #expect(difference == nil, "\(name) on \(target): \(difference ?? "")")
                }
            }
        }
    }

    @Test(.enabled(if: !VectorSupport.targets.isEmpty), arguments: 0..<24)
    func randomKernelsAgreeWithMachineCode(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed) + 1000)
        let function = RandomVectorKernel.make(&random)
        #expect(VectorVerifier.problems(in: function).map(\.message) == [])
        #expect(try VectorFunction(text: function.text).text == function.text)
        for target in VectorSupport.targets {
            let kernel = try VectorSupport.compiled(function, for: target)
            for _ in 0..<8 {
                let data = VectorDifference.data(&random)
                let difference = try VectorDifference.first(function, kernel, data)
                #expect(difference == nil, "on \(target): \(difference ?? "")\n\(function.text)")
            }
        }
    }

    @Test(.enabled(if: VectorSupport.targets.last?.has(.avx512bf16) == true))
    func dotProductsAgreeWithMachineCode() throws {
        let target = try VectorSupport.targets.last.orThrow("no target")
        var random = SplitMix64(seed: 9)
        let bytes = VectorSupport.kernel { builder, data in
            let operand = VectorType(.i8, lanes: 64)
            let (a, b) = (
                builder.load(operand, builder.address(data, 64)), builder.load(operand, builder.address(data, 128))
            )
            let sum = builder.load(VectorType(.i32, lanes: 16), data)
            builder.store(builder.dot(.u8s8, sum, a, b), builder.address(data, 1024))
        }
        let pairs = VectorSupport.kernel { builder, data in
            // Small integers: sums of their products are exact in any order.
            let a = builder.load(VectorType(.i8, lanes: 32), data)
            let floats = builder.convert(builder.convert(.sitofp, a, to: .f32), to: .bf16)
            let sum = builder.float(3, VectorType(.f32, lanes: 16))
            builder.store(builder.dot(.bf16, sum, floats, floats), builder.address(data, 1024))
        }
        for function in [bytes, pairs] {
            let kernel = try VectorSupport.compiled(function, for: target)
            let difference = try VectorDifference.first(function, kernel, VectorDifference.data(&random))
            #expect(difference == nil, "\(difference ?? "")")
        }
    }

    @Test func violationsKeepTheLeast() throws {
        let function = VectorSupport.kernel { builder, _ in
            builder.violation(at: builder.last, code: 7)
            builder.violation(at: builder.first, code: 9)
            builder.violation(at: builder.last, code: 3)
        }
        for target in VectorSupport.targets {
            let kernel = try VectorSupport.compiled(function, for: target)
            #expect(kernel.run(nil, first: 5, last: 6) == 5 << 8 | 9)
        }
    }
}
