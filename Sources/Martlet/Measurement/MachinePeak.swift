import MartletCompiler
import MartletCore
import MartletEngine
import MartletRuntime

/// A kind of arithmetic that a step may be bound by; each has a peak of its own.
package enum Arithmetic: String, Sendable, CaseIterable {
    /// Multiply-adds of float32.
    case float32
    /// Dot products of bytes summed as int32.
    case int8
    /// Dot products of bfloat16 summed as float32.
    case bfloat16

    /// The instruction that it is done by; nil for multiply-adds.
    fileprivate var opcode: DotOpcode? {
        switch self {
        case .float32: return nil
        case .int8: return .u8s8
        case .bfloat16: return .bf16
        }
    }

    /// What a kernel with this note computes with.
    package init(note: String) {
        self =
            Arithmetic.allCases.first { kind in
                kind.opcode.map { note.contains(Opcode.dot($0).mnemonic) } ?? false
            } ?? .float32
    }

    /// Whether a target has an instruction for it.
    fileprivate func isNative(to target: CodegenTarget) -> Bool {
        switch self {
        case .float32: return true
        case .int8: return target.vectorBytes == 64 && target.has(.avx512vnni)
        case .bfloat16: return target.vectorBytes == 64 && target.has(.avx512bf16)
        }
    }
}

/// The most that one thread of this machine computes, by kind of arithmetic: measured with generated kernels that do
/// nothing else.
package struct MachinePeaks {
    private let peaks: [(kind: Arithmetic, peak: MachinePeak)]

    /// Makes the kernels for what the machine at hand has.
    ///
    /// - Throws: what compiling says.
    package init(_ settings: Settings) throws {
        var settings = settings
        settings.target = nil
        let target = try ModelCompiler(settings).target
        peaks = try Arithmetic.allCases.filter { $0.isNative(to: target) }
            .map { ($0, try MachinePeak(settings, $0)) }
    }

    /// Billions of operations a second of each kind.
    ///
    /// - Throws: as `LoadedEngine.run`.
    package func measure() throws -> [Arithmetic: Double] {
        var result: [Arithmetic: Double] = [:]
        for (kind, peak) in peaks { result[kind] = try peak.measure() }
        return result
    }
}

/// The most operations of one kind that one thread of this machine does.
package struct MachinePeak {
    private let run: PreparedRun
    /// Arithmetic operations of one run.
    private let flops: Double

    /// Turns of the loop in one run: half a millisecond, so that some runs are not interrupted.
    private static let turns = 1 << 17

    /// Makes the kernel for the machine at hand.
    ///
    /// - Throws: what compiling says.
    package init(_ settings: Settings, _ kind: Arithmetic = .float32) throws {
        var settings = settings
        settings.target = nil
        let target = try ModelCompiler(settings).target
        let lanes = target.vectorBytes / 4
        // Enough independent sums to hide the latency of 4 cycles of two units; the rest of the registers hold operands.
        let sums = target.vectorRegisters - 4
        let tools = CompilerTools.shared(settings)
        let text = LLVMPrinter.module(Self.kernel(kind, lanes: lanes, sums: sums), for: target)
        let code = try CodeSection(
            tools.generator.kernels(
                for: [(name: "peak", irText: text)], target: target, jobs: 1, cache: tools.kernels))
        let engine = try Runtime(threads: 1).load(Self.engine(code, lanes: lanes, target: target))
        let operands = try HostTensor([Float](repeating: 0.5, count: 2 * lanes), shape: [2 * lanes])
        run = try PreparedRun(engine, inputs: ["operands": operands])
        let terms = kind == .int8 ? 4 : kind == .bfloat16 ? 2 : 1
        flops = 2 * Double(terms * lanes) * Double(sums) * Double(Self.turns)
    }

    /// Billions of operations a second: the best of the runs of 100 ms.
    ///
    /// - Throws: as `LoadedEngine.run`.
    package func measure() throws -> Double {
        var best = Double.infinity
        let end = ContinuousClock.now + .milliseconds(100)
        repeat {
            let start = ContinuousClock.now
            try run.run()
            best = min(best, (ContinuousClock.now - start).inSeconds)
        } while ContinuousClock.now < end
        return flops / max(best, 1e-9) / 1e9
    }

    /// `sums` vectors, to each of which every turn adds the same product; their total is stored, so that none is dead.
    private static func kernel(_ kind: Arithmetic, lanes: Int, sums: Int) -> VectorFunction {
        let builder = VectorBuilder()
        let type = VectorType(kind == .int8 ? .i32 : .f32, lanes: lanes)
        func operand(_ number: Int) -> Register {
            let base = builder.load(.index, builder.address(builder.words, 16 * number))
            let offset = builder.load(.index, builder.address(builder.words, 16 * number + 8))
            let start = builder.load(.pointer, builder.address(builder.bases, builder.mul(base, 8)))
            return builder.address(start, offset)
        }
        let (source, target) = (operand(0), operand(1))
        let a = builder.load(type, source)
        let b = builder.load(type, builder.address(source, 4 * lanes))
        let start = (0..<sums).map { _ in a }
        let totals = builder.loop(
            from: builder.int(0), to: builder.int(turns), step: builder.int(1), carrying: start
        ) { _, carried in carried.map { multiplyAdd(kind, builder, a, b, $0) } }
        let total = totals.dropFirst().reduce(totals[0]) { builder.binary(kind == .int8 ? .add : .fadd, $0, $1) }
        builder.store(total, target)
        return builder.finish(name: "peak")
    }

    private static func multiplyAdd(
        _ kind: Arithmetic, _ builder: VectorBuilder, _ a: Register, _ b: Register, _ sum: Register
    ) -> Register {
        guard let opcode = kind.opcode else { return builder.fma(a, b, sum) }
        let bytes = 4 * builder.type(of: sum).lanes
        let operand = kind == .int8 ? VectorType(.i8, lanes: bytes) : VectorType(.bf16, lanes: bytes / 2)
        return builder.dot(opcode, sum, builder.bitcast(a, to: operand), builder.bitcast(b, to: operand))
    }

    private static func engine(_ code: CodeSection, lanes: Int, target: CodegenTarget) throws -> Engine {
        var program = ExprProgram()
        let (zero, one) = (program.append(0), program.append(1))
        let inputBase = program.append(IntExpr(Engine.firstPortBase))
        let outputBase = program.append(IntExpr(Engine.firstPortBase + 1))
        let (operands, total) = (program.append(IntExpr(2 * lanes)), program.append(IntExpr(lanes)))
        let step = Engine.Step(
            .kernel(kernel: 0, words: [inputBase, zero, outputBase, zero], grid: one, scratch: zero))
        return Engine(
            header: Engine.Header(
                name: "peak", target: target.name, triple: target.triple, features: target.allFeatures.map(\.rawValue)),
            program: program,
            inputs: [port("operands", operands, base: Engine.firstPortBase)],
            outputs: [port("total", total, base: Engine.firstPortBase + 1)],
            steps: [step],
            kernels: [
                Engine.KernelInfo(name: "peak", offset: code.entries.first?.first?.offset ?? 0, operands: 2, words: 4)
            ], code: try SectionBytes(code.bytes))
    }

    private static func port(_ name: String, _ extent: ExprRef, base: Int) -> Engine.Port {
        Engine.Port(name: name, type: .float32, dims: [extent], base: base)
    }
}
