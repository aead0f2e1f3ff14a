import MartletCore
import MartletEngine
import TestSupport

/// Kernels written in C, compiled when the tests run; nil where there is no clang or no binutils of LLVM.
struct TestKernels: Sendable {
    let code: SectionBytes
    let kernels: [Engine.KernelInfo]

    static let shared: TestKernels? = try? TestKernels()
    static var areAvailable: Bool { shared != nil }
    static let missing = "clang, llvm-objcopy and llvm-nm are not on PATH"

    /// The number of the kernel with this name.
    func callAsFunction(_ name: String) throws -> Int {
        guard let index = kernels.firstIndex(where: { $0.name == name }) else {
            throw Diagnostic("test.kernel", "no kernel '\(name)'")
        }
        return index
    }

    private init() throws {
        let folder = try TestFolder()
        let source = folder["kernels.c"]
        let object = folder["kernels.o"]
        try AtomicFile.write(Array(Self.source.utf8), to: source)
        let flags = "-O1 -ffreestanding -fPIC -fno-jump-tables -fno-asynchronous-unwind-tables"
        try Shell.check("clang -c \(flags) '\(source)' -o '\(object)'")
        try Shell.check("llvm-objcopy -O binary -j .text '\(object)' '\(folder["code"])'")
        try Shell.check("llvm-nm '\(object)' > '\(folder["names"])'")
        let bytes = try MappedFile(path: folder["code"]).bytes
        code = try SectionBytes(Array(bytes))
        kernels = try Self.names(in: folder["names"]).compactMap { name, offset in
            guard let (operands, words) = Self.layouts[name] else { return nil }
            return Engine.KernelInfo(name: name, offset: offset, operands: operands, words: words)
        }
    }

    private static func names(in path: String) throws -> [(String, Int)] {
        let file = try MappedFile(path: path)
        return String(decoding: file.bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 3, fields[1] == "T", let offset = Int(fields[0], radix: 16) else { return nil }
            return (String(fields[2]), offset)
        }
    }

    /// Operands and words of each kernel.
    private static let layouts: [String: (Int, Int)] = [
        "add": (3, 6), "fill": (1, 3), "gather": (3, 7), "positive": (3, 7), "less": (2, 5), "rowsum": (2, 5),
        "multiply": (3, 6), "slow": (1, 2), "spin": (1, 2), "increment": (1, 2), "nothing": (1, 2),
    ]

    private static let source = """
        typedef long long i64; typedef unsigned long long u64; typedef unsigned char u8;
        #define AT(T, i) ((T *)(bases[words[2 * (i)]] + words[2 * (i) + 1]))
        #define KERNEL(name) void name(u64 *bases, i64 *words, i64 first, i64 last, void *scratch)

        KERNEL(add) {
            float *a = AT(float, 0), *b = AT(float, 1), *c = AT(float, 2);
            for (i64 i = first; i < last; i++) c[i] = a[i] + b[i];
        }
        KERNEL(multiply) {
            float *a = AT(float, 0), *b = AT(float, 1), *c = AT(float, 2);
            for (i64 i = first; i < last; i++) c[i] = a[i] * b[i];
        }
        KERNEL(fill) {
            i64 *a = AT(i64, 0);
            for (i64 i = first; i < last; i++) a[i] = words[2];
        }
        KERNEL(gather) {
            float *a = AT(float, 0), *c = AT(float, 2); i64 *index = AT(i64, 1);
            for (i64 i = first; i < last; i++) {
                if ((u64)index[i] < (u64)words[6]) { c[i] = a[index[i]]; continue; }
                u64 *status = (u64 *)bases[0], mine = (u64)i << 8 | 1, old = __atomic_load_n(status, 0);
                while (mine < old && !__atomic_compare_exchange_n(status, &old, mine, 0, 0, 0)) {}
                c[i] = index[i] - index[i];
            }
        }
        KERNEL(positive) {
            float *a = AT(float, 0); i64 *count = AT(i64, 1), *where = AT(i64, 2), n = 0;
            for (i64 i = 0; i < words[6]; i++) if (a[i] > a[i] - a[i]) where[n++] = i;
            *count = n;
        }
        KERNEL(less) { *AT(u8, 1) = *AT(i64, 0) < words[4]; }
        KERNEL(increment) { *AT(i64, 0) += 1; }
        KERNEL(nothing) {}
        KERNEL(rowsum) {
            float *a = AT(float, 0), *c = AT(float, 1), *s = scratch; i64 k = words[4];
            for (i64 i = first; i < last; i++) {
                for (i64 j = 0; j < k; j++) s[j] = a[i * k + j];
                float sum = s[0];
                for (i64 j = 1; j < k; j++) sum = sum + s[j];
                c[i] = sum;
            }
        }
        KERNEL(slow) {
            volatile i64 *a = AT(volatile i64, 0);
            for (i64 i = first; i < last; i++) for (i64 j = 0; j < 1000000; j++) a[0];
        }
        KERNEL(spin) {
            volatile i64 *a = AT(volatile i64, 0);
            for (i64 i = first; i < last; i++) a[0];
        }
        """
}
