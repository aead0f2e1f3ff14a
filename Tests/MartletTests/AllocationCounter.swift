import Glibc
import Martlet
import MartletCore
import TestSupport
import Testing

/// Counts allocations in a child process: by a library that stands before the system's `malloc` and `mmap`.
enum AllocationCounter {
    private typealias Function = @convention(c) () -> Int

    /// Whether this process counts.
    static let isThere = function("martlet_test_allocations") != nil

    /// Allocations by this thread so far.
    static var calls: Int { function("martlet_test_allocations")?() ?? 0 }

    /// The largest single request for memory of any thread so far, in bytes.
    static var largest: Int { function("martlet_test_largest")?() ?? 0 }

    private static func function(_ name: String) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: Function.self) }
    }

    /// Runs tests that count in a process of their own.
    static func run(_ filter: String, _ folder: TestFolder) throws {
        let (source, library) = ("\(folder.path)/count.c", "\(folder.path)/count.so")
        try AtomicFile.write(Array(self.source.utf8), to: source)
        #expect(try Shell.run("clang -O1 -shared -fPIC '\(source)' -o '\(library)' -ldl").status == 0)
        try TestChild.run(filter, setup: "LD_PRELOAD='\(library)'")
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        static __thread long count __attribute__((tls_model("initial-exec")));
        static size_t largest;
        static void note(size_t size) {
            count++;
            size_t known = __atomic_load_n(&largest, __ATOMIC_RELAXED);
            while (size > known && !__atomic_compare_exchange_n(
                &largest, &known, size, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
        }
        #define NEXT(type, name, ...) \\
            static type (*next)(__VA_ARGS__); if (!next) next = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name);
        void *malloc(size_t size) { NEXT(void *, malloc, size_t) note(size); return next(size); }
        void *realloc(void *old, size_t size) { NEXT(void *, realloc, void *, size_t) note(size); return next(old, size); }
        int posix_memalign(void **result, size_t alignment, size_t size) {
            NEXT(int, posix_memalign, void **, size_t, size_t) note(size); return next(result, alignment, size);
        }
        void *aligned_alloc(size_t alignment, size_t size) {
            NEXT(void *, aligned_alloc, size_t, size_t) note(size); return next(alignment, size);
        }
        void *mmap(void *start, size_t size, int access, int flags, int file, off_t offset) {
            NEXT(void *, mmap, void *, size_t, int, int, int, off_t)
            if (flags & MAP_ANONYMOUS) note(size);
            return next(start, size, access, flags, file, offset);
        }
        long martlet_test_allocations(void) { return count; }
        long martlet_test_largest(void) { return (long)__atomic_load_n(&largest, __ATOMIC_RELAXED); }
        """
}
