import MartletCore
@testable import MartletRuntime
import TestSupport
import Testing

struct MachineTests {
    @Test func namesFeaturesAsLinuxAndLLVMDo() {
        let features = CPUFeatures(names: ["avx512_vnni", "sse4_2", "abm", "asimddp"])
        #expect(features.missing(of: ["avx512vnni", "sse4.2", "lzcnt", "dotprod", "AVX512-VNNI"]).isEmpty)
        #expect(features.missing(of: ["fma", "sse4.2", "avx"]) == ["fma", "avx"])
    }

    @Test func choosesTheRichestTargetThatRuns() {
        #if arch(x86_64)
            #expect(CPUFeatures(names: []).portableTarget == "x86-64")
            for (target, features) in CPUFeatures.levels {
                #expect(CPUFeatures(names: features).portableTarget == target)
            }
        #endif
        #expect(!CPUFeatures.current.names.isEmpty)
    }

    /// What cpuid says against what Linux says, for the features that both name.
    @Test func agreesWithTheSystem() throws {
        guard let file = try? readSystemFile("/proc/cpuinfo") else { return }
        let line = file.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }
        guard let line else { return }
        let system = Set(line.split(separator: " ").map(String.init))
        let extra = CPUFeatures.current.names.filter { !system.contains($0) && $0 != "sse3" && $0 != "avx_vnni_int8" }
        #expect(extra.isEmpty)
    }

    @Test func countsAtLeastOneThread() {
        #expect(ThreadCount.available() >= 1)
        #expect(ThreadCount.cgroupQuota() ?? 1 >= 1)
    }

    @Test func keepsABoundedNumberOfBlocks() throws {
        let pool = MemoryPool(maximumIdle: 4, patience: 10)
        let blocks = try (1...8).map { try pool.lease($0 * 100_000) }
        #expect(blocks.allSatisfy { UInt(bitPattern: $0.start) % 4096 == 0 })
        blocks.forEach { pool.giveBack($0) }
        let four = pool.idleBytes
        #expect(four == blocks.suffix(4).reduce(0) { $0 + $1.count })
        let again = try pool.lease(500_000)
        #expect(blocks.contains { $0 === again })
        #expect(again.count >= 500_000)
        pool.giveBack(again)
        // Blocks for which there is no use go one by one.
        for _ in 0..<40 { pool.giveBack(try pool.lease(500_000)) }
        #expect(pool.idleBytes == again.count)
        pool.trim()
        #expect(pool.idleBytes == 0)
    }

    @Test func sharesEveryChunkExactlyOnce() {
        for threads in [1, 2, 4] {
            let pool = ThreadPool(threadCount: threads)
            let grid = 1003
            let counts = UnsafeMutablePointer<Int64>.allocate(capacity: grid)
            let bases = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
            defer {
                counts.deallocate()
                bases.deallocate()
            }
            counts.initialize(repeating: 0, count: grid)
            bases.initialize(to: 0)
            let kernel: KernelFunction = { _, words, first, last, _ in
                for index in Int(first)..<Int(last) { words[index] += 1 }
            }
            var runs: Int64 = 0
            // A job that can be cancelled takes several calls for each chunk.
            let cancellation = Cancellation()
            for chunks in [1, 2, 3, 7, 16, 1003] {
                for turn in 0..<200 {
                    let job = GridJob(
                        kernel: kernel, bases: bases, words: counts, grid: grid, chunks: chunks, scratch: nil,
                        scratchStride: 0, cancellation: turn % 2 == 0 ? nil : Unmanaged.passUnretained(cancellation),
                        firstPoints: 1 + turn % 5)
                    if pool.run(job, work: 1e6) { runs += 1 }
                }
            }
            withExtendedLifetime(cancellation) {}
            #expect((0..<grid).allSatisfy { counts[$0] == runs })
            #expect(runs == (threads == 1 ? 0 : 1200))
        }
    }

    @Test func callsTakeWhatTheClockAllows() {
        #expect(WorkEstimate.firstPoints(of: 1000, work: 100) >= 1000)
        #expect(WorkEstimate.firstPoints(of: 1000, work: 2e9) == 1)
        #expect(WorkEstimate.firstPoints(of: 1000, work: 0) == 1)
        #expect(WorkEstimate.firstPoints(of: .max, work: .infinity) == 1)
        #expect(WorkEstimate.firstPoints(of: .max, work: 1) == 1 << 16)
        #expect(WorkEstimate.points(after: 1000, nanoseconds: 0) == 8000)
        #expect(WorkEstimate.points(after: 1000, nanoseconds: 4_000_000) == 500)
        #expect(WorkEstimate.points(after: 1000, nanoseconds: .max) == 1)
        #expect(WorkEstimate.points(after: .max, nanoseconds: 1) >= 1 << 53)
    }

    private func readSystemFile(_ path: String) throws -> String {
        // Files of /proc have no size and cannot be mapped.
        let folder = try TestFolder()
        try Shell.check("cat '\(path)' > '\(folder["copy"])'")
        return String(decoding: try MappedFile(path: folder["copy"]).bytes, as: UTF8.self)
    }
}
