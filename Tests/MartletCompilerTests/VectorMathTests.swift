import Glibc
import MartletCore
import TestSupport
import Testing

@testable import MartletCompiler

/// Accuracy of VectorMath. With MARTLET_LONG=1 in the environment every number of f32 is tried for the functions of one
/// operand (some minutes a function in a release build).
@Suite(.enabled(if: !VectorSupport.targets.isEmpty))
struct VectorMathTests {
    private static let isLong = getenv("MARTLET_LONG").map { String(cString: $0) } == "1"
    /// The lowest target, which has no fused multiply-add, and the host's own.
    private static let targets: [CodegenTarget] = [VectorSupport.targets.first, VectorSupport.targets.last].compactMap {
        $0
    }
    private static let row = CompiledMath<Float>.row

    private func expect<Number: BinaryFloatingPoint>(
        _ function: MathFunction, _ bound: Double, _ a: [Number], _ b: [Number], _ results: [Number],
        _ target: CodegenTarget
    ) {
        var worst = (error: -1.0, index: 0)
        for index in a.indices {
            let truth = function.reference(Double(a[index]), Double(b[index]))
            let error = MathError.ulps(results[index], truth)
            if error > worst.error { worst = (error, index) }
        }
        let index = worst.index
        #expect(
            worst.error <= bound,
            "\(function.name)(\(a[index]), \(b[index])) gives \(results[index]) on \(target): \(worst.error) ulp")
    }

    @Test(arguments: MathFunction.unary) func unarySingle(function: MathFunction) throws {
        for target in Self.targets {
            let compiled = try CompiledMath<Float>(function, lanes: target.vectorBytes / 4, target)
            let step = Self.isLong ? 1 : 16381
            var bits = 0
            while bits < 1 << 32 {
                let a = (0..<Self.row).map { Float(bitPattern: UInt32(truncatingIfNeeded: bits + $0 * step)) }
                expect(function, 4, a, a, compiled(a, a), target)
                bits += Self.row * step
            }
        }
    }

    @Test(arguments: MathFunction.unary) func unaryDouble(function: MathFunction) throws {
        var random = SplitMix64(seed: 31)
        for target in Self.targets {
            let compiled = try CompiledMath<Double>(function, lanes: target.vectorBytes / 8, target)
            for turn in 0..<60 {
                let a = (0..<Self.row).map { _ in
                    turn % 3 == 0
                        ? Double(bitPattern: random.next())
                        : Double.random(in: turn % 3 == 1 ? -2...2 : -750...750, using: &random)
                }
                // One more than for f32, since the reference itself is off by up to one.
                expect(function, 5, a, a, compiled(a, a), target)
            }
        }
    }

    @Test(arguments: MathFunction.binary) func binarySingle(function: MathFunction) throws {
        var random = SplitMix64(seed: 32)
        for target in Self.targets {
            let compiled = try CompiledMath<Float>(function, lanes: target.vectorBytes / 4, target)
            for turn in 0..<(Self.isLong ? 20_000 : 100) {
                let (a, b) = operands(Float.self, turn, &random) { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
                expect(function, function.name == "rem" ? 0 : 4, a, b, compiled(a, b), target)
            }
        }
    }

    @Test(arguments: MathFunction.binary) func binaryDouble(function: MathFunction) throws {
        var random = SplitMix64(seed: 33)
        for target in Self.targets {
            let compiled = try CompiledMath<Double>(function, lanes: target.vectorBytes / 8, target)
            for turn in 0..<(Self.isLong ? 20_000 : 100) {
                let (a, b) = operands(Double.self, turn, &random) { Double(bitPattern: $0) }
                expect(function, function.name == "rem" ? 0 : 5, a, b, compiled(a, b), target)
            }
        }
    }

    private func operands<Number: BinaryFloatingPoint>(
        _: Number.Type, _ turn: Int, _ random: inout SplitMix64, _ number: (UInt64) -> Number
    ) -> ([Number], [Number]) {
        let pairs = (0..<Self.row).map { _ -> (Number, Number) in
            switch turn % 4 {
            case 0: return (number(random.next()), number(random.next()))
            case 1:
                // Bases of all magnitudes with exponents that keep powers in the range.
                let base = Glibc.exp(Double.random(in: -20...20, using: &random))
                return (Number(base), Number(Double.random(in: -8...8, using: &random)))
            case 2:
                return (
                    Number(Double.random(in: 0.99...1.01, using: &random)),
                    Number(Double.random(in: -15000...15000, using: &random))
                )
            default:
                let base = Double(Int.random(in: -40...40, using: &random)) / 2
                return (Number(base), Number(Double(Int.random(in: -30...30, using: &random)) / 2))
            }
        }
        return (pairs.map(\.0), pairs.map(\.1))
    }

    @Test(arguments: MathFunction.unary + MathFunction.binary) func specialValues(function: MathFunction) throws {
        for target in Self.targets {
            let single = try CompiledMath<Float>(function, lanes: 4, target)
            let double = try CompiledMath<Double>(function, lanes: 4, target)
            // Every pair of them, in rows.
            let all = MathError.specials
            let pairs = all.flatMap { a in all.map { (a, $0) } }
            for start in stride(from: 0, to: pairs.count, by: Self.row) {
                let part = (start..<start + Self.row).map { pairs[$0 % pairs.count] }
                let (a, b) = (part.map { Float($0.0) }, part.map { Float($0.1) })
                expect(function, function.name == "rem" ? 0 : 4, a, b, single(a, b), target)
                let (x, y) = (part.map(\.0), part.map(\.1))
                expect(function, function.name == "rem" ? 0 : 5, x, y, double(x, y), target)
            }
        }
    }

    @Test(arguments: MathFunction.unary + MathFunction.binary) func tailsHaveTheBitsOfVectors(function: MathFunction)
        throws
    {
        var random = SplitMix64(seed: 34)
        for target in Self.targets {
            let kernels = try [1, 4, 8, 16].map { try CompiledMath<Float>(function, lanes: $0, target) }
            for _ in 0..<8 {
                let numbers = (0..<2).map { _ in
                    (0..<Self.row).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
                }
                let rows = kernels.map { kernel in
                    let first = kernel(numbers[0], numbers[1], last: 333)
                    return first[..<333] + kernel(numbers[0], numbers[1], first: 333)[333...]
                }
                let bits = rows.map { $0.map { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern } }
                #expect(bits.allSatisfy { $0 == bits[0] }, "\(function.name) on \(target)")
            }
        }
    }

    @Test(arguments: MathFunction.unary + MathFunction.binary) func interpreterGivesTheBitsOfMachineCode(
        function: MathFunction
    ) throws {
        let target = try VectorSupport.targets.last.orThrow("no target")
        var random = SplitMix64(seed: 35)
        for scalar in [VectorType.Scalar.f32, .f64] {
            let kernel = VectorSupport.elementwise(
                VectorType(scalar, lanes: 8), operands: function.operands, stride: 512, target, function.emit)
            #expect(VectorVerifier.problems(in: kernel).isEmpty)
            #expect(try VectorFunction(text: kernel.text).text == kernel.text)
            let compiled = try VectorSupport.compiled(kernel, for: target)
            var left = VectorDifference.data(&random)
            var right = left
            try VectorSupport.interpret(kernel, &left, first: 0, last: 61)
            _ = right.withUnsafeMutableBytes { compiled.run($0.baseAddress, first: 0, last: 61) }
            let difference = VectorDifference.first(left, right)
            #expect(difference == nil, "\(function.name) of \(scalar): \(difference ?? "")")
        }
    }

    @Test(arguments: VectorSupport.crossTargets) func compilesForOtherMachines(target: CodegenTarget) throws {
        let functions = (MathFunction.unary + MathFunction.binary).flatMap { function in
            [VectorType(.f32, lanes: 4), VectorType(.f32, lanes: 16), VectorType(.f64, lanes: 3)].map {
                VectorSupport.elementwise($0, operands: function.operands, stride: 1024, target, function.emit)
            }
        }
        let text = VectorSupport.module(functions, for: target)
        let code = try ObjectLinker.link(try VectorSupport.generator.object(irText: text, target: target))
        #expect(code.entries.count == functions.count)
    }
}
