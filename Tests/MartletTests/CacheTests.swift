import Glibc
import Martlet
import MartletCore
import TestSupport
import Testing

@Suite struct CacheTests {
    private static let text = """
        graph (n: 0...) {
          %0 = input "x" : f32[n]
          %1 = map {op = add} (%0, %0) : f32[n]
          output "y" %1
        }

        """

    private let folder: TestFolder
    private let path: String

    init() throws {
        folder = try TestFolder()
        path = "\(folder.path)/double.graph"
        try AtomicFile.write(Array(Self.text.utf8), to: path)
    }

    private var engines: [String] { Folder.names(in: "\(folder.path)/cache/engines") }

    private func isRight(_ model: Model) throws -> Bool {
        let y = try model.run(["x": try HostTensor([1, 2] as [Float], shape: [2])])["y"]
        return try y?.array(of: Float.self) == [2, 4]
    }

    @Test func theSameModelIsOneEngine() throws {
        let options = folder.options()
        let first = try Model.load(path, options: options)
        let second = try Model.load(path, options: options)
        #expect(engines.count == 1)
        #expect(first.engine === second.engine)
        #expect(try isRight(second))
    }

    @Test func otherContentOrOptionsAreOtherEngines() throws {
        _ = try Model.load(path, options: folder.options())
        var options = folder.options()
        options.settings?.target = "x86-64-v2"
        _ = try? Model.load(path, options: options)
        #expect(engines.count == 2)
        try AtomicFile.write(Array(Self.text.replacing("add", with: "mul").utf8), to: path)
        _ = try Model.load(path, options: folder.options())
        #expect(engines.count == 3)
    }

    @Test func aDamagedEngineIsMadeAgain() throws {
        _ = try Model.load(path, options: folder.options())
        let engine = try #require(engines.first)
        try AtomicFile.write(Array("not an engine".utf8), to: "\(folder.path)/cache/engines/\(engine)")
        #expect(try isRight(try Model.load(path, options: folder.options())))
    }

    @Test func nothingIsKeptWithoutAFolder() throws {
        var options = folder.options()
        options.settings?.cacheFolder = nil
        #expect(try isRight(try Model.load(path, options: options)))
        #expect(engines.isEmpty)
    }

    @Test func theOldestEnginesGoBeyondTheLimit() throws {
        var options = folder.options()
        options.settings?.cacheLimit = 1
        _ = try Model.load(path, options: options)
        #expect(engines.count == 1)
        try AtomicFile.write(Array(Self.text.replacing("add", with: "mul").utf8), to: path)
        _ = try Model.load(path, options: options)
        #expect(engines.count == 1)
    }

    @Test func awaitedModelsAndEngineFilesOpen() async throws {
        let model = try await Model(path, options: folder.options())
        #expect(try isRight(model))
        let engine = "\(folder.path)/cache/engines/\(try #require(engines.first))"
        #expect(try isRight(try await Model(engine, options: folder.options())))
        await #expect(throws: Diagnostic.self) { try await Model("\(folder.path)/missing.onnx") }
    }
}
