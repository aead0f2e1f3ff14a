import Glibc
import MartletCore

@testable import MartletCompiler

/// Runs kernels of Vector IR compiled or interpreted on one buffer, base 1.
enum VectorSupport {
    static let generator = CodeGenerator(searchPath: LLVMFixtures.searchPath)

    /// Targets of the host's architecture that the host runs, from the lowest to its own.
    static let targets: [CodegenTarget] = {
        guard let host = CodegenTarget.host else { return [] }
        let names = ["x86-64", "x86-64-v3", "aarch64"]
        let levels = names.compactMap { try? CodegenTarget(named: $0) }.filter { $0.runs(on: host) }
        return LLVMFixtures.hasLibrary ? levels + [host] : []
    }()

    /// One target of each kind of vector unit; code for them is only made, not run.
    static let crossTargets: [CodegenTarget] = ["x86-64", "x86-64-v3", "znver4", "aarch64"].compactMap {
        try? CodegenTarget(named: $0)
    }

    static func machine(_ target: CodegenTarget) -> VectorMachine { VectorMachine(target) }

    static func compiled(_ function: VectorFunction, for target: CodegenTarget) throws -> CompiledVectorKernel {
        try compiled([function], for: target)[0]
    }

    /// Kernels compiled as one module, which is much faster than one by one.
    static func compiled(_ functions: [VectorFunction], for target: CodegenTarget) throws -> [CompiledVectorKernel] {
        let text = module(functions, for: target)
        let code = try ObjectLinker.link(try generator.object(irText: text, target: target))
        let mapped = try MappedCode(code.bytes)
        return try functions.indices.map { index in
            CompiledVectorKernel(code: mapped, offset: try code.offset(of: "k\(index)").orThrow("no entry"))
        }
    }

    /// One module of kernels named k0, k1, …
    static func module(_ functions: [VectorFunction], for target: CodegenTarget) -> String {
        var (body, declarations): ([Substring], Set<Substring>) = ([], [])
        for (index, function) in functions.enumerated() {
            var function = function
            function.name = "k\(index)"
            let lines = LLVMPrinter.module(function, for: target).split(separator: "\n")
            declarations.formUnion(lines.filter { $0.hasPrefix("declare ") })
            let start = lines.firstIndex { $0.hasPrefix("define ") } ?? 0
            let end = lines.lastIndex { $0 == "}" } ?? 0
            body += lines[start...end]
        }
        let attributes = "attributes #0 = { \(target.functionAttributes) }\n"
        return target.moduleHeader + (body + declarations.sorted()).joined(separator: "\n") + "\n" + attributes
    }

    /// Runs the kernel in the interpreter; the buffer is all it may touch.
    static func interpret(_ function: VectorFunction, _ data: inout [UInt64], first: Int = 0, last: Int = 1) throws {
        var status = UInt64.max
        try data.withUnsafeMutableBytes { data in
            try withUnsafeMutableBytes(of: &status) { status in
                let bases: [UnsafeMutableRawPointer?] = [status.baseAddress, data.baseAddress]
                let words = [Int64](repeating: 0, count: 8)
                try bases.withUnsafeBytes { bases in
                    try words.withUnsafeBytes { words in
                        let memory = VectorMemory([
                            .init("status", status), .init("data", data), .init("bases", bases), .init("words", words),
                        ])
                        guard let start = bases.baseAddress, let wordStart = words.baseAddress else { return }
                        try VectorInterpreter(memory: memory).run(
                            function, bases: start, words: wordStart, first: first, last: last, scratch: nil)
                    }
                }
            }
        }
    }

    /// A kernel whose body works on the address of base 1.
    static func kernel(_ body: (VectorBuilder, _ data: Register) throws -> Void) rethrows -> VectorFunction {
        let builder = VectorBuilder()
        try body(builder, builder.load(.pointer, builder.address(builder.bases, 8)))
        return builder.finish(name: "k")
    }

    /// A kernel that applies a function to rows of `first..<last` elements: operand i begins at `i·stride` bytes, the
    /// result after the last; whole vectors first, then one by one.
    static func elementwise(
        _ type: VectorType, operands: Int, stride: Int, _ target: CodegenTarget,
        _ function: (VectorMath, [Register]) -> Register
    ) -> VectorFunction {
        kernel { builder, data in
            let math = VectorMath(builder, machine(target))
            let size = type.scalar.bitWidth / 8
            func turn(_ index: Register, _ type: VectorType) {
                let start = builder.address(data, builder.mul(index, size))
                let loaded = (0..<operands).map { builder.load(type, builder.address(start, $0 * stride)) }
                builder.store(function(math, loaded), builder.address(start, operands * stride))
            }
            let count = builder.sub(builder.last, builder.first)
            let whole = builder.mul(builder.div(count, builder.int(type.lanes)), type.lanes)
            let middle = builder.add(builder.first, whole)
            builder.loop(from: builder.first, to: middle, step: type.lanes) { turn($0, type) }
            builder.loop(from: middle, to: builder.last) { turn($0, type.with(lanes: 1)) }
        }
    }
}

/// Machine code of a kernel.
struct CompiledVectorKernel {
    let code: MappedCode
    let offset: Int

    func run(_ data: UnsafeMutableRawPointer?, first: Int = 0, last: Int = 1) -> UInt64 {
        let kernel = unsafeBitCast(code.start + offset, to: MappedCode.Kernel.self)
        var status = UInt64.max
        withUnsafeMutableBytes(of: &status) { status in
            var bases: [UnsafeMutableRawPointer?] = [status.baseAddress, data]
            let words = [Int64](repeating: 0, count: 8)
            kernel(&bases, words, Int64(first), Int64(last), nil)
        }
        return status
    }
}
