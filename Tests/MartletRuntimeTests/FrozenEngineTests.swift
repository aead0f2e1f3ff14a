import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

/// `Frozen/first.martlet.gz` is an engine file of format 1 as the first version wrote it, for x86-64-v2: the model
/// y = softmax(relu(x w + b)) for any number of rows, and a variant for 4 rows. `states.martlet.gz` is another, with a state
/// that is appended to, a size that the data gives, and a loop that ends by its data. `limits.martlet.gz` is of format 2: a
/// size that the data gives and an input's size bounds. They are never written again: every later version must open and
/// run them.
@Suite struct FrozenEngineTests {
    private let folder: TestFolder
    private let path: String

    init() throws {
        folder = try TestFolder()
        path = try Self.unpacked("first", folder)
    }

    private static func unpacked(_ name: String, _ folder: TestFolder) throws -> String {
        let path = folder["\(name).martlet"]
        let frozen = "\(Shell.package)/Tests/MartletRuntimeTests/Frozen"
        try Shell.check("gzip -dc '\(frozen)/\(name).martlet.gz' > '\(path)'")
        return path
    }

    private func x(_ rows: Int) throws -> HostTensor { try floats((0..<3 * rows).map { Float($0) - 4 }, [rows, 3]) }

    /// What the reference interpreter says of `x(4)`; the rows of other counts are the same.
    private static let expected: [Float] = [
        0.5, 0.5, 0.320821285, 0.679178715, 0.148047194, 0.851952732, 0.148047194, 0.851952732,
    ]

    @Test func describesItself() throws {
        let reader = try EngineReader(path: path)
        try reader.check()
        #expect(reader.header.formatVersion == 1 && reader.header.target == "x86-64-v2")
        let sizes = try reader.engine().variants.map(\.sizes)
        #expect(sizes == ["x [4, 3]", "x [n, 3], n in 0..."])
    }

    @Test func opensAndRuns() throws {
        #if arch(x86_64)
            let session = Session(try Runtime(threads: 1).open(path))
            for rows in [1, 2, 4, 4] {
                let y = try session.run(["x": x(rows)]).floats("y")
                #expect(y.count == 2 * rows)
                for (value, expected) in zip(y, Self.expected) { #expect(abs(value - expected) < 1e-6) }
            }
        #else
            #expect(errorCode { _ = try Runtime(threads: 1).open(path) } == "engine.incompatible")
        #endif
    }

    /// `total` sums all that was ever appended; `doubled` is it, doubled until its elements sum to 100 or more.
    @Test func statesSizesAndLoopsOfTheFirstFormat() throws {
        let path = try Self.unpacked("states", folder)
        let engine = try EngineReader(path: path).engine()
        #expect(engine.states.map(\.growth?.axis) == [1])
        #if arch(x86_64)
            let session = Session(try Runtime(threads: 1).open(path))
            var sums = [Float](repeating: 0, count: 6)
            for step in 1...5 {
                let x = (0..<6).map { $0 == step ? 0 : Float($0 + step) }
                for place in sums.indices { sums[place] += x[place] }
                let results = try session.run(["x": floats(x, [2, 1, 3])])
                #expect(try results.floats("total") == sums)
                #expect(results["places"]?.shape == [3, 5])
                var doubled = sums
                repeat { doubled = doubled.map { 2 * $0 } } while doubled.reduce(0, +) < 100
                #expect(try results.floats("doubled") == doubled)
            }
            #expect(try session.states["past"]?.shape == [2, 5, 3])
        #endif
    }

    /// `product` is the rows of x where the mask is not 0, times a matrix; `sum` is its sum over the rows.
    @Test func limitsOfTheSecondFormat() throws {
        let path = try Self.unpacked("limits", folder)
        let reader = try EngineReader(path: path)
        #expect(reader.header.formatVersion == 2)
        #expect(try reader.engine().symbols.contains { $0.kind == .bound && $0.limit != nil })
        #if arch(x86_64)
            let loaded = try Runtime(threads: 1).open(path)
            #expect(try loaded.plan(for: [[3], [3, 3]]).outputShapes == [[3, 2], [2]])
            let inputs = ["mask": try floats([1, 0, 2]), "x": try floats((1...9).map { Float($0) }, [3, 3])]
            let results = try Session(loaded).run(inputs)
            #expect(try results.floats("product") == [7, -1, 25, -1] && results.floats("sum") == [32, -2])
        #endif
    }

    @Test func aNewerFileIsRefusedWithBothVersions() throws {
        let whole = Array(try MappedFile(path: path).bytes)
        let newer = Engine.formatVersion + 1
        try AtomicFile.write(rewritten(whole, format: newer), to: folder["newer"])
        let format = #expect(throws: Diagnostic.self) { _ = try Runtime(threads: 1).open(folder["newer"]) }
        #expect(format?.code == "engine.unknown-version")
        let message = "the engine has format \(newer), this program knows formats up to \(Engine.formatVersion)"
        #expect(format?.message == message)
        // Whatever the format, the file says what it is.
        #expect(try EngineReader(path: folder["newer"]).describe().contains("format: \(newer)\n"))
        var container = whole
        container[8] += 1
        try AtomicFile.write(container, to: folder["container"])
        let unknown = #expect(throws: Diagnostic.self) { _ = try EngineReader(path: folder["container"]) }
        #expect(unknown?.message == "the engine's container has version 2, this program knows 1")
    }

    /// The file with another format in its header, and right checksums.
    private func rewritten(_ whole: [UInt8], format: Int) throws -> [UInt8] {
        var bytes = whole
        func number(_ offset: Int) -> Int {
            bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        }
        func store(_ hash: StableHash, _ offset: Int) {
            bytes.withUnsafeMutableBytes { $0.storeBytes(of: hash.low, toByteOffset: offset, as: UInt64.self) }
        }
        let (start, count) = (number(64), number(72))
        #expect(bytes[start..<start + 9].elementsEqual("format 1\n".utf8) && format < 10)
        bytes[start + 7] = UInt8(ascii: "0") + UInt8(format)
        store(StableHash(Array(bytes[start..<start + count])), 80)
        store(StableHash(Array(bytes[32..<32 + 64 * (number(8) >> 32)])), 24)
        return bytes
    }
}
