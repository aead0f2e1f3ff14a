import Glibc
import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

/// Counts the allocations of a run: in a process of its own, in which a preloaded library counts the calls of `malloc`.
@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct AllocationTests {
    private typealias Counter = @convention(c) () -> Int

    /// Calls of this thread so far; nil in processes that do not count.
    private static let counter: Counter? = dlsym(nil, "martlet_test_allocations").map {
        unsafeBitCast($0, to: Counter.self)
    }

    /// Where the counting process says that it did what it was started for.
    private static let reportName = "MARTLET_TEST_ALLOCATION_REPORT"

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        static __thread long count __attribute__((tls_model("initial-exec")));
        #define NEXT(type, name, ...) \\
            static type (*next)(__VA_ARGS__); if (!next) next = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name); count++;
        void *malloc(size_t size) { NEXT(void *, malloc, size_t) return next(size); }
        void *realloc(void *old, size_t size) { NEXT(void *, realloc, void *, size_t) return next(old, size); }
        int posix_memalign(void **result, size_t alignment, size_t size) {
            NEXT(int, posix_memalign, void **, size_t, size_t) return next(result, alignment, size);
        }
        void *aligned_alloc(size_t alignment, size_t size) {
            NEXT(void *, aligned_alloc, size_t, size_t) return next(alignment, size);
        }
        long martlet_test_allocations(void) { return count; }
        """

    @Test(.enabled(if: counter == nil))
    func runsAllocateNothingOnceAShapeWasSeen() throws {
        let folder = try TestFolder()
        let (source, library, report) = (folder["count.c"], folder["count.so"], folder["report"])
        try AtomicFile.write(Array(Self.source.utf8), to: source)
        try Shell.check("clang -O1 -shared -fPIC '\(source)' -o '\(library)' -ldl")
        let program = try #require(CommandLine.arguments.first)
        let result = try Shell.run(
            "LD_PRELOAD='\(library)' \(Self.reportName)='\(report)' '\(program)' --testing-library swift-testing "
                + "--filter AllocationTests")
        #expect(result.status == 0, "\(result.output.suffix(4000))")
        let lines = String(decoding: try MappedFile(path: report).bytes, as: UTF8.self).split(separator: "\n")
        let counts = lines.compactMap { Int($0) }
        #expect(counts.count == 9)
        #if DEBUG
            // Without optimisation generic code of the standard library allocates its temporaries; but not in steps.
            #expect(counts.allSatisfy { $0 < 40 })
            #expect(counts.first == counts.last)
        #else
            #expect(counts == [Int](repeating: 0, count: 9))
        #endif
    }

    @Test(.enabled(if: counter != nil))
    func countsTheAllocationsOfRuns() throws {
        let counter = try #require(Self.counter)
        let path = String(cString: try #require(getenv(Self.reportName)))
        let engines = [
            (try ExampleEngines.nothing(steps: 1), []), (try ExampleEngines.add(), [[100], [100]]),
            (try ExampleEngines.rowSums(), [[300, 50]]), (try ExampleEngines.positive(), [[100]]),
            (try ExampleEngines.loop(), [[]]), (try VariantEngines.three(), [[4], [4]]),
            (try VariantEngines.three(), [[9], [9]]), (try VariantEngines.three(), [[5], [5]]),
            (try ExampleEngines.nothing(steps: 500), []),
        ]
        let lines = try engines.map { kit, shapes in
            "\(try allocations(of: kit.load(threads: 2), shapes, counter))\n"
        }
        try AtomicFile.write(Array(lines.joined().utf8), to: path)
    }

    /// Allocations of a run after the first ones.
    private func allocations(of loaded: LoadedEngine, _ shapes: [[Int]], _ counter: Counter) throws -> Int {
        let plan = try loaded.plan(for: shapes)
        let memory = (plan.inputByteCounts + plan.outputByteCounts).map { count in
            let place = UnsafeMutableRawPointer.allocate(byteCount: max(count, 64), alignment: 64)
            place.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 64))
            return place
        }
        defer { for place in memory { place.deallocate() } }
        let inputs = memory.prefix(shapes.count).map { UnsafeRawPointer($0) }
        let outputs = Array(memory.dropFirst(shapes.count))
        func run() throws {
            for _ in 0..<10 { try loaded.run(plan: loaded.plan(for: shapes), inputs: inputs, outputs: outputs) }
        }
        try run()
        let before = counter()
        try run()
        return (counter() - before + 9) / 10
    }
}
