import Glibc
import MartletCore

@testable import MartletCompiler

/// Backends and IR that the tests of code generation share.
enum LLVMFixtures {
    static let library: LLVMLibrary? = try? LLVMLibrary(path: nil)
    static let clang: ClangCompiler? = ClangCompiler.find(searchPath: searchPath)
    static let target: CodegenTarget? = CodegenTarget.host

    static var searchPath: String { getenv("PATH").map { String(cString: $0) } ?? "" }
    static var hasLibrary: Bool { library != nil && target != nil }
    static var hasClang: Bool { clang != nil && target != nil }

    static func generator(_ options: CodegenOptions = CodegenOptions()) throws -> CodeGenerator {
        let library = try library.orThrow("no libLLVM")
        return CodeGenerator(backend: .library(library), options: options)
    }

    /// Adds operands 0 and 1 to operand 2, element by element, by the kernel ABI; also reads a constant table, so that
    /// there is something to relocate: the sum is scaled by the table's element 1, which is 2.
    static let addIR = """
        @table = private unnamed_addr constant [4 x float] [float 1.0, float 2.0, float 3.0, float 4.0], align 16
        define internal ptr @operand(ptr %bases, ptr %words, i64 %index) noinline {
          %slot = getelementptr inbounds i64, ptr %words, i64 %index
          %base = load i64, ptr %slot
          %next = getelementptr inbounds i64, ptr %slot, i64 1
          %offset = load i64, ptr %next
          %address = getelementptr inbounds ptr, ptr %bases, i64 %base
          %start = load ptr, ptr %address
          %pointer = getelementptr inbounds i8, ptr %start, i64 %offset
          ret ptr %pointer
        }
        define void @add(ptr %bases, ptr %words, i64 %first, i64 %last, ptr %scratch) {
        entry:
          %a = call ptr @operand(ptr %bases, ptr %words, i64 0)
          %b = call ptr @operand(ptr %bases, ptr %words, i64 2)
          %c = call ptr @operand(ptr %bases, ptr %words, i64 4)
          %which = getelementptr inbounds [4 x float], ptr @table, i64 0, i64 1
          %scale = load volatile float, ptr %which
          br label %loop
        loop:
          %i = phi i64 [ %first, %entry ], [ %n, %loop ]
          %pa = getelementptr inbounds float, ptr %a, i64 %i
          %pb = getelementptr inbounds float, ptr %b, i64 %i
          %pc = getelementptr inbounds float, ptr %c, i64 %i
          %x = load float, ptr %pa
          %y = load float, ptr %pb
          %s = fadd float %x, %y
          %t = fmul float %s, %scale
          store float %t, ptr %pc
          %n = add nuw nsw i64 %i, 1
          %more = icmp ult i64 %n, %last
          br i1 %more, label %loop, label %done
        done:
          ret void
        }
        """

    /// A function of an instruction that processors of level x86-64-v3 lack.
    static let vnniIR = """
        declare <16 x i32> @llvm.x86.avx512.vpdpbusd.512(<16 x i32>, <16 x i32>, <16 x i32>)
        define void @dot(ptr %p) {
          %a = load <16 x i32>, ptr %p
          %r = call <16 x i32> @llvm.x86.avx512.vpdpbusd.512(<16 x i32> %a, <16 x i32> %a, <16 x i32> %a)
          store <16 x i32> %r, ptr %p
          ret void
        }
        """
}

extension Optional {
    /// The value, or an error that fails a test.
    func orThrow(_ message: String) throws -> Wrapped {
        guard let self else { throw Diagnostic("test.missing", message) }
        return self
    }
}

/// Code in executable memory, as an engine maps it.
final class MappedCode {
    typealias Kernel =
        @convention(c) (
            UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafePointer<Int64>, Int64, Int64, UnsafeMutableRawPointer?
        ) -> Void

    let start: UnsafeMutableRawPointer
    let size: Int

    init(_ bytes: [UInt8]) throws {
        size = bytes.count
        let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw Diagnostic("test.map", "mmap fails") }
        start = memory
        bytes.withUnsafeBytes { start.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(start), byteCount: size) }
        guard mprotect(start, size, PROT_READ | PROT_EXEC) == 0 else { throw Diagnostic("test.map", "mprotect fails") }
    }

    deinit { munmap(start, size) }

    /// Runs the kernel of `LLVMFixtures.addIR` that starts at `offset` on a cut of the grid.
    func runAdd(_ a: [Float], _ b: [Float], from first: Int, to last: Int, offset: Int) -> [Float] {
        let kernel = unsafeBitCast(start + offset, to: Kernel.self)
        var data = a + b + [Float](repeating: -1, count: a.count)
        let bytes = Int64(a.count * 4)
        data.withUnsafeMutableBytes { data in
            var bases: [UnsafeMutableRawPointer?] = [nil, data.baseAddress]
            let words: [Int64] = [1, 0, 1, bytes, 1, 2 * bytes]
            kernel(&bases, words, Int64(first), Int64(last), nil)
        }
        return Array(data.suffix(a.count))
    }
}
