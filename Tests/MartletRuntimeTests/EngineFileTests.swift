import Glibc
import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct EngineFileTests {
    private let folder: TestFolder

    init() throws {
        folder = try TestFolder()
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try MappedFile(path: folder[name]).bytes)
    }

    private func addWithWeights() throws -> EngineKit {
        var kit = try ExampleEngines.add()
        kit.engine.weights = try SectionBytes((0..<200_000).map { UInt8($0 % 251) })
        kit.engine.reasons = ["not fused: a test"]
        kit.engine.requirements = [Engine.Requirement(left: 0, right: 0, what: "a test")]
        kit.engine.header.features = []
        kit.engine.header.name = "two\nlines \\ and more\r\n"
        return kit
    }

    @Test func readsBackWhatItWrote() throws {
        for kit in try ExampleEngines.all() + [addWithWeights(), GrowthEngines.positive { $0 }] {
            let engine = kit.engine
            try engine.write(to: folder["engine"])
            let read = try Engine(contentsOf: folder["engine"])
            #expect(read.header == engine.header)
            #expect(read.symbols == engine.symbols)
            #expect(read.program.operations == engine.program.operations)
            #expect(read.program.left == engine.program.left)
            #expect(read.program.right == engine.program.right)
            #expect(read.program.constants == engine.program.constants)
            #expect(read.inputs == engine.inputs)
            #expect(read.outputs == engine.outputs)
            #expect(read.states == engine.states)
            #expect(read.buffers == engine.buffers)
            #expect(read.steps == engine.steps)
            #expect(read.requirements == engine.requirements)
            #expect(read.kernels == engine.kernels)
            #expect(read.reasons == engine.reasons)
            #expect(read.sourceGraph == engine.sourceGraph)
            #expect(read.code.withUnsafeBytes { Array($0) } == engine.code.withUnsafeBytes { Array($0) })
            #expect(read.weights.withUnsafeBytes { Array($0) } == engine.weights.withUnsafeBytes { Array($0) })
            #expect(read.describe() == engine.describe())
            try EngineReader(path: folder["engine"]).check()
        }
    }

    @Test func runsFromAFile() throws {
        try addWithWeights().engine.write(to: folder["engine"])
        let runtime = Runtime(threads: 1)
        let loaded = try runtime.open(folder["engine"])
        #expect(try Session(loaded).run(["a": floats([1]), "b": floats([2])]).floats("sum") == [5])
        #expect(try runtime.open(folder["engine"]) === loaded)
        try ExampleEngines.add().engine.write(to: folder["engine"])
        #expect(try runtime.open(folder["engine"]) !== loaded)
        #expect(try Session(loaded).run(["a": floats([1]), "b": floats([2])]).floats("sum") == [5])
    }

    @Test func writesTheSameBytesAgain() throws {
        try addWithWeights().engine.write(to: folder["one"])
        try addWithWeights().engine.write(to: folder["two"])
        try Engine(contentsOf: folder["one"]).write(to: folder["three"])
        #expect(try bytes("one") == bytes("two"))
        #expect(try bytes("one") == bytes("three"))
    }

    @Test func alignsSections() throws {
        try addWithWeights().engine.write(to: folder["engine"])
        let read = try Engine(contentsOf: folder["engine"])
        for section in [read.code, read.weights] {
            #expect(section.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) % UInt(getpagesize()) } == 0)
            #expect(section.isMapped)
        }
    }

    @Test func refusesWhatItCannotRunInWords() throws {
        var kit = try addWithWeights()
        kit.engine.header.features = ["avx999_test"]
        try kit.engine.write(to: folder["engine"])
        let feature = #expect(throws: Diagnostic.self) { _ = try Runtime(threads: 1).open(folder["engine"]) }
        #expect(feature?.message == "the engine needs avx999_test, this CPU lacks it")
        #expect(feature?.help?.hasPrefix("rebuild with --target ") == true)
        kit.engine.header.features = []
        kit.engine.header.triple = "riscv64-unknown-linux-gnu"
        #expect(errorCode { _ = try Runtime(threads: 1).load(kit.engine) } == "engine.incompatible")
        kit.engine.header.formatVersion = 99
        try kit.engine.write(to: folder["engine"])
        let version = #expect(throws: Diagnostic.self) { _ = try Engine(contentsOf: folder["engine"]) }
        #expect(version?.code == "engine.unknown-version")
        let text = try EngineReader(path: folder["engine"]).describe()
        #expect(text.contains("format: 99"))
        #expect(text.contains("section weights"))
        try AtomicFile.write(Array("hello".utf8), to: folder["text"])
        #expect(errorCode { _ = try Engine(contentsOf: folder["text"]) } == "engine.not-an-engine")
        #expect(errorCode { _ = try Engine(contentsOf: folder["missing"]) } == "file.open")
    }

    @Test func namesTheDamagedSection() throws {
        try addWithWeights().engine.write(to: folder["engine"])
        let whole = try bytes("engine")
        let header = try EngineReader(path: folder["engine"]).describe()
        for section in ["tables", "code", "weights", "graph"] {
            let line = try #require(header.split(separator: "\n").first { $0.hasPrefix("section \(section) ") })
            let offset = try #require(line.split(separator: " ").last.flatMap { Int($0) })
            var broken = whole
            broken[offset] ^= 1
            try AtomicFile.write(broken, to: folder["broken"])
            let reader = try EngineReader(path: folder["broken"])
            let isFoundAtOpen = errorCode { _ = try reader.engine() } != nil
            #expect(isFoundAtOpen == ["tables", "code"].contains(section))
            let error = #expect(throws: Diagnostic.self) { try reader.check() }
            #expect(error?.code == "engine.damaged")
            #expect(error?.message.contains("section '\(section)'") == true)
        }
    }
}
