import Martlet
import MartletCore
import MartletONNX
import TestSupport
import Testing

/// What is compiled depends on the model, the target and the version alone: not on the process, the folder, the cache or
/// the number of threads.
@Suite(.enabled(if: Command.path != nil, "the command was not built beside the tests"))
struct CompileBytesTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    @Test(Prepared.needs(Prepared.magika)) func magika() throws { try check(Prepared.magika) }

    @Test(Prepared.needs(Prepared.silero)) func silero() throws { try check(Prepared.silero) }

    @Test(Prepared.needs(Prepared.greedyLoop)) func weightsBesideTheModel() throws { try check(Prepared.greedyLoop) }

    @Test(Prepared.needs(Prepared.miniLM)) func miniLM() throws { try check(Prepared.miniLM) }

    @Test(Prepared.needs(Prepared.resNet)) func resNet() throws { try check(Prepared.resNet) }

    @Test func severalThings() throws {
        let nodes = [
            ModelKit.node("NonZero", ["x"], ["places"]), ModelKit.node("Transpose", ["places"], ["rows"]),
            ModelKit.node("MatMul", ["x", "w"], ["product"]),
            ModelKit.node("Softmax", ["product"], ["y"], [AttributeProto("axis", .int(-1))]),
            ModelKit.node("TopK", ["product", "two"], ["best", "which"]),
        ]
        let kit = try ModelKit(
            folder, name: "several", nodes, inputs: [ModelKit.value("x", .float32, ["n", "4"])],
            outputs: ["y", "rows", "best", "which"],
            constants: ["w": try noise([4, 6]), "two": try tensor([2] as [Int64])])
        try check(path: kit.path)
    }

    private func check(_ name: String) throws { try check(path: "\(Prepared.folder)/\(name)/model.onnx") }

    private func check(path: String) throws {
        let copy = "\(folder.path)/elsewhere"
        try Folder.make(copy)
        let source = path[..<(path.lastIndex(of: "/") ?? path.endIndex)]
        let name = path.split(separator: "/").last ?? ""
        #expect(try Shell.run("cp '\(path)' '\(copy)'; cp '\(source)'/*.bin '\(copy)'; true").status == 0)
        let first = try bytes(path, jobs: 1, cache: "cold")
        #expect(try bytes(path, jobs: 3, cache: "cold") == first, "with a warm cache of kernels and three threads")
        #expect(try bytes("\(copy)/\(name)", jobs: 3, cache: "other") == first, "in another folder")
    }

    /// The hash of the engine that a process of its own compiles.
    private func bytes(_ model: String, jobs: Int, cache: String) throws -> StableHash {
        let engine = "\(folder.path)/engine.martlet"
        let result = try Command.run(
            "compile '\(model)' -o '\(engine)' --jobs \(jobs)", cache: "\(folder.path)/\(cache)")
        #expect(result.status == 0, "\(result.output)")
        return try MappedFile(path: engine).withUnsafeBytes { StableHash($0) }
    }
}
