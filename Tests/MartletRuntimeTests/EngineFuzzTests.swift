import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

/// Damaged engines are refused or read, and never trap.
@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct EngineFuzzTests {
    private let folder: TestFolder

    init() throws {
        folder = try TestFolder()
    }

    /// The engine's bytes; section offsets are found by the directory.
    private func engineBytes(_ kit: EngineKit) throws -> [UInt8] {
        try kit.engine.write(to: folder["whole"])
        return Array(try MappedFile(path: folder["whole"]).bytes)
    }

    /// Opens the bytes as an engine, and plans a run if they are one; whether that went well.
    @discardableResult
    private func isAccepted(_ bytes: [UInt8]) throws -> Bool {
        let path = try folder.write(bytes, to: "fuzz")
        do {
            let reader = try EngineReader(path: path)
            _ = reader.describe()
            let engine = try reader.engine()
            _ = engine.describe()
            let loaded = try Runtime(threads: 1).load(engine)
            _ = try loaded.plan(for: engine.inputs.map { $0.dims.map { _ in 2 } })
            return true
        } catch {
            return !(error is Diagnostic || error is Diagnostics)
        }
    }

    private func number(_ bytes: [UInt8], _ offset: Int) -> Int {
        bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }

    private func store(_ value: UInt64, _ bytes: inout [UInt8], _ offset: Int) {
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: UInt64.self) }
    }

    private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 { StableHash(Array(bytes)).low }

    /// Makes the checksums of tables and directory right again.
    private func sign(_ bytes: inout [UInt8], section: Int) {
        let entry = 32 + 64 * section
        let (offset, count) = (number(bytes, entry + 32), number(bytes, entry + 40))
        store(checksum(bytes[offset..<offset + count]), &bytes, entry + 48)
        signDirectory(&bytes)
    }

    private func directoryEnd(_ bytes: [UInt8]) -> Int { 32 + 64 * (number(bytes, 8) >> 32) }

    private func signDirectory(_ bytes: inout [UInt8]) {
        store(checksum(bytes[32..<directoryEnd(bytes)]), &bytes, 24)
    }

    @Test func refusesTruncatedFiles() throws {
        let whole = try engineBytes(ExampleEngines.loop())
        var generator = SplitMix64(seed: 1)
        let ends = Array(0..<600) + (0..<200).map { _ in Int(generator.next() % UInt64(whole.count)) }
        for end in ends {
            let isWrong = try isAccepted(Array(whole[..<end]))
            #expect(!isWrong, "cut at \(end)")
        }
        #expect(try isAccepted(whole))
    }

    @Test func refusesFlippedBits() throws {
        let whole = try engineBytes(VariantEngines.three())
        let sections = [0, 1, 2, 5, 6].map { (number(whole, 64 + 64 * $0), number(whole, 72 + 64 * $0)) }
        for (start, count) in [(0, directoryEnd(whole))] + sections {
            for position in start..<start + min(count, 500) {
                var broken = whole
                broken[position] ^= 1 << UInt8(position % 8)
                let isWrong = try isAccepted(broken)
                #expect(!isWrong, "bit in byte \(position)")
            }
        }
    }

    /// With right checksums, so that decoding and validation have to find the damage.
    @Test(arguments: 0..<9)
    func survivesForgedTables(example: Int) throws {
        try forge(engineBytes(ExampleEngines.all()[example]), section: 1, seed: UInt64(example))
    }

    /// Those of the engine itself, and of each of its specialisations.
    @Test(arguments: [1, 5, 7])
    func survivesForgedVariants(section: Int) throws {
        try forge(engineBytes(VariantEngines.three()), section: section, seed: UInt64(section))
        try forge(engineBytes(VariantEngines.withoutGeneral()), section: min(section, 5), seed: UInt64(section))
    }

    private func forge(_ whole: [UInt8], section: Int, seed: UInt64) throws {
        let (start, count) = (number(whole, 64 + 64 * section), number(whole, 72 + 64 * section))
        var generator = SplitMix64(seed: seed)
        for round in 0..<1500 {
            var broken = whole
            for _ in 0...(round % 3) {
                let position = start + Int(generator.next() % UInt64(count))
                let value = generator.next()
                broken[position] = value % 3 == 0 ? [0, 1, 0x7f, 0x80, 0xff][Int(value >> 8) % 5] : UInt8(value >> 56)
            }
            sign(&broken, section: section)
            try isAccepted(broken)
        }
    }

    @Test(arguments: [false, true]) func survivesForgedDirectories(hasVariants: Bool) throws {
        let whole = try engineBytes(hasVariants ? VariantEngines.three() : ExampleEngines.add())
        let fields = UInt64(directoryEnd(whole) - 32) / 8
        var generator = SplitMix64(seed: 5)
        for _ in 0..<1500 {
            var broken = whole
            let field = 32 + 8 * Int(generator.next() % fields)
            let value = generator.next()
            store(value % 4 == 0 ? .max - (value >> 60) : value >> (value % 64), &broken, field)
            signDirectory(&broken)
            try isAccepted(broken)
        }
    }

    @Test func limitsNesting() throws {
        var kit = try ExampleEngines.branch()
        let place = kit.place(Engine.firstPortBase)
        for _ in 0...Engine.maximumNesting {
            kit.engine.steps = [Engine.Step(.branch(condition: place, then: kit.engine.steps, else: []))]
        }
        #expect(errorCode { try kit.engine.validate() } == "engine.invalid")
    }
}
