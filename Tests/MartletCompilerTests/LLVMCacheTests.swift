import Glibc
import MartletCore
import TestSupport
import Testing

@testable import MartletCompiler

struct LLVMCacheTests {
    static let code = LinkedCode(
        architecture: .x86, alignment: 64, bytes: Array(0..<200), entries: [.init(name: "f", offset: 16)])

    func key(_ text: String, cpu: String = "znver4") throws -> KernelKey {
        KernelKey(
            irText: text, target: try CodegenTarget(named: cpu), options: CodegenOptions(), backendIdentity: "LLVM 1")
    }

    /// Calls `body` with the path of a fresh folder, which is removed afterwards.
    func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try TestFolder()
        try withExtendedLifetime(folder) { try body(folder.path) }
    }

    func names(_ path: String) -> [String] { Folder.names(in: path) }

    @Test func keysDifferWhereCodeMay() throws {
        let options = CodegenOptions(level: 1)
        let target = try CodegenTarget(named: "znver4")
        let keys = [
            try key("a"), try key("b"), try key("a", cpu: "znver5"),
            KernelKey(irText: "a", target: target, options: options, backendIdentity: "LLVM 1"),
            KernelKey(irText: "a", target: target, options: CodegenOptions(), backendIdentity: "LLVM 2"),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(keys.allSatisfy { $0.text.utf8.count == 32 })
    }

    @Test func missThenHitInMemoryAndInTheFolder() throws {
        try withFolder { path in
            let cache = KernelCache(folder: path + "/deep")
            #expect(cache.folderProblem == nil)
            let key = try key("a")
            #expect(cache.code(for: key) == nil)
            cache.store(Self.code, for: key)
            #expect(cache.code(for: key) == Self.code)
            let other = KernelCache(folder: path + "/deep")
            #expect(other.code(for: key) == Self.code)
            #expect(cache.statistics == .init(memoryHits: 1, misses: 1))
            #expect(other.statistics == .init(folderHits: 1))
            #expect(names(path + "/deep") == [key.text + ".kernel"])
        }
    }

    @Test func damagedFilesAreMissesAndRemoved() throws {
        try withFolder { path in
            let key = try key("a")
            let good = KernelRecord.encode(Self.code, key: key)
            #expect(KernelRecord.decode(good, key: key) == Self.code)
            #expect(KernelRecord.decode(good, key: try self.key("b")) == nil)
            for position in good.indices {
                var bad = good
                bad[position] ^= 0x10
                #expect(KernelRecord.decode(bad, key: key) == nil)
                #expect(KernelRecord.decode(Array(good.prefix(position)), key: key) == nil)
            }
            let file = open(path + "/" + key.text + ".kernel", O_WRONLY | O_CREAT, 0o600)
            #expect(FileBytes.write(Array(good.dropLast()), to: file))
            close(file)
            let cache = KernelCache(folder: path)
            #expect(cache.code(for: key) == nil)
            #expect(cache.statistics == .init(misses: 1, damaged: 1) && names(path).isEmpty)
        }
    }

    @Test func unusableFoldersOnlyMeanThatNothingIsKept() throws {
        let cache = KernelCache(folder: "/proc/martlet")
        #expect(cache.folderProblem?.contains("/proc/martlet") == true)
        cache.store(Self.code, for: try key("a"))
        #expect(cache.code(for: try key("a")) == Self.code)
        #expect(KernelCache(folder: nil).folderProblem == "no folder was given")
        try withFolder { path in
            chmod(path, 0o777)
            #expect(KernelCache(folder: path).folderProblem == "anybody may write to \(path)")
            chmod(path, 0o700)
            // A folder in place of the kernel's file: it can be neither read nor replaced.
            let cache = KernelCache(folder: path, memoryLimit: 0)
            let taken = path + "/" + (try key("a")).text + ".kernel"
            mkdir(taken, 0o700)
            cache.store(Self.code, for: try key("a"))
            #expect(cache.code(for: try key("a")) == nil && cache.statistics.failedWrites == 1)
            rmdir(taken)
            #expect(names(path).isEmpty)
        }
    }

    @Test func oldestFilesAreRemoved() throws {
        try withFolder { path in
            let size = KernelRecord.encode(Self.code, key: try key("0")).count
            let cache = KernelCache(folder: path, folderLimit: size * 8, memoryLimit: 1000)
            let keys = try (0..<20).map { try key(String($0)) }
            for key in keys {
                cache.store(Self.code, for: key)
                usleep(2000)
            }
            let kept = names(path)
            #expect(kept.count <= 8 && kept.count >= 6)
            #expect(kept.contains(keys[19].text + ".kernel") && !kept.contains(keys[0].text + ".kernel"))
            #expect(cache.code(for: keys[0]) == nil && cache.code(for: keys[19]) == Self.code)
        }
    }

    @Test func cachesOfOneFolderDoNotDisturbEachOther() async throws {
        let keys = try (0..<8).map { try key(String($0)) }
        let folder = try TestFolder()
        let path = folder.path
        let disturbed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    // Room for half of the kernels: some are removed while others are read.
                    let cache = KernelCache(folder: path, folderLimit: 1600, memoryLimit: 0)
                    for round in 0..<200 {
                        let key = keys[round * 5 % keys.count]
                        if let code = cache.code(for: key), code != Self.code { return 1 }
                        cache.store(Self.code, for: key)
                    }
                    return cache.statistics.damaged + cache.statistics.failedWrites
                }
            }
            return await group.reduce(0, +)
        }
        #expect(disturbed == 0)
        #expect(folder.names.allSatisfy { $0.hasSuffix(".kernel") && $0.count == 39 })
    }

    @Test(.enabled(if: LLVMFixtures.hasLibrary, "libLLVM is not installed"))
    func kernelsAreCompiledOnce() throws {
        try withFolder { path in
            let cache = KernelCache(folder: path)
            let target = try LLVMFixtures.target.orThrow("no host")
            let other = LLVMFixtures.addIR.replacing("@add", with: "@plus")
            let modules = [("a", LLVMFixtures.addIR), ("b", other), ("c", LLVMFixtures.addIR)]
                .map { (name: $0.0, irText: $0.1) }
            let generator = try LLVMFixtures.generator()
            let first = try generator.kernels(for: modules, target: target, jobs: 2, cache: cache)
            #expect(first.map { $0.entries.map(\.name) } == [["add"], ["plus"], ["add"]])
            #expect(cache.statistics == .init(misses: 2) && names(path).count == 2)
            let again = KernelCache(folder: path)
            #expect(try generator.kernels(for: modules, target: target, jobs: 2, cache: again) == first)
            #expect(again.statistics == .init(folderHits: 2))
        }
    }
}
