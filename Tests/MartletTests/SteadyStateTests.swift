import Glibc
import Martlet
import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

/// What a process holds and does once a model is open and a shape was seen. In processes of their own, as counts of
/// allocations and memory belong to a process.
@Suite(.serialized) struct SteadyStateTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    // MARK: Allocations

    @Test(.enabled(if: !TestChild.isRunning), Prepared.needs(Prepared.magika, Prepared.silero))
    func runsAllocateNothing() throws {
        try AllocationCounter.run("SteadyStateTests/countsAllocations", folder)
    }

    @Test(.enabled(if: AllocationCounter.isThere), arguments: [Prepared.magika, Prepared.silero, Prepared.resNet])
    func countsAllocations(name: String) throws {
        guard Prepared.hasModel(name) else { return }
        let run = try TestRun(prepared: name)
        let engine = try Model.load(run.path, options: folder.options()).engine
        #expect(try primitiveRuns(engine, run) == 0, "the run itself")
        let session = try Session(engine, states: run.links)
        let outputs = engine.engine.outputs.count
        var counts: [Int] = []
        for (number, inputs) in (run.steps + run.steps).enumerated() {
            let given = number == 0 ? inputs : inputs.filter { run.links[$0.key] == nil }
            let (idle, before) = (engine.runtime.idleByteCount, AllocationCounter.calls)
            let results = try session.run(given)
            withExtendedLifetime(results) {
                let count = AllocationCounter.calls - before
                if number >= run.steps.count { counts.append(count) }
                if number >= run.steps.count { #expect(engine.runtime.idleByteCount <= idle) }
            }
        }
        // What a session gives back is a dictionary of tensors; it is the same for every run, and no more than that.
        #expect(Set(counts).count == 1 && counts.allSatisfy { $0 <= 20 + 12 * outputs }, "\(counts)")
    }

    /// Allocations of ten runs of the engine itself, over memory of the caller.
    private func primitiveRuns(_ engine: LoadedEngine, _ run: TestRun) throws -> Int {
        let tensors = try engine.engine.inputs.map { try #require(run.steps[0][$0.name]) }
        let plan = try engine.plan(for: tensors.map(\.shape))
        let prepared = try PreparedRun(engine, inputs: run.steps[0])
        #expect(plan.growingOutputs.isEmpty)
        for _ in 0..<2 { try prepared.run() }
        let before = AllocationCounter.calls
        for _ in 0..<10 { try prepared.run() }
        return AllocationCounter.calls - before
    }

    // MARK: Weights

    /// One product whose weights are 32 MiB, or ResNet-50.
    private func engineFile(_ name: String) throws -> String {
        let engine = "\(folder.path)/engine.martlet"
        var path = "\(Prepared.folder)/\(name)/model.onnx"
        if name.isEmpty {
            path =
                try ModelKit(
                    folder, [ModelKit.node("MatMul", ["x", "w"], ["y"])],
                    inputs: [ModelKit.value("x", .float32, ["n", "2048"])], outputs: ["y"],
                    constants: ["w": try noise([2048, 4096])]
                ).path
        }
        let compiler = try ModelCompiler(folder.settings)
        try compiler.compile(try ModelFile(path: path).graph(), name: "weights").write(to: engine)
        return engine
    }

    @Test(.enabled(if: !TestChild.isRunning)) func weightsAreReadWhenNeededAndHeldOnce() throws {
        try TestChild.run("SteadyStateTests/opensWithoutReadingWeights|SteadyStateTests/tenSessionsHoldTheWeightsOnce")
    }

    @Test(.enabled(if: TestChild.isRunning), arguments: ["", Prepared.resNet])
    func opensWithoutReadingWeights(name: String) throws {
        guard name.isEmpty || Prepared.hasModel(name) else { return }
        let path = try engineFile(name)
        let engine = try Runtime(threads: 1).open(path)
        let weights = engine.engine.weights.count
        let resident = Mapping.all(of: path).map(\.resident).reduce(0, +)
        #expect(weights >= 32 << 20 && resident > 0)
        #expect(resident < weights / 8, "\(resident) bytes of the file are in memory behind \(weights) of weights")
        try EngineReader(path: path).check()
        withExtendedLifetime(engine) {}
    }

    @Test(.enabled(if: TestChild.isRunning)) func tenSessionsHoldTheWeightsOnce() throws {
        let path = try engineFile("")
        let runtime = Runtime(threads: 1)
        let x = ["x": try noise([1, 2048])]
        let before = Mapping.anonymousBytes
        var sessions: [Session] = []
        for number in 0..<10 {
            // Half of them share a runtime, and so the open engine; the others have the file mapped for themselves.
            let own = number < 5 ? runtime : Runtime(threads: 1)
            sessions.append(Session(try own.open(path)))
            _ = try sessions[number].run(x)
        }
        let weights = sessions[0].engine.engine.weights.count
        #expect(Set(sessions[..<5].map { ObjectIdentifier($0.engine) }).count == 1)
        let maps = Mapping.all(of: path)
        let resident = maps.map(\.resident).reduce(0, +), share = maps.map(\.share).reduce(0, +)
        #expect(maps.allSatisfy { $0.written == 0 } && resident >= 6 * weights)
        #expect(share < weights + weights / 4, "\(share) bytes for \(weights) of weights")
        // A copy would be as large as the weights; what else the process allocates meanwhile is not.
        #expect(Mapping.anonymousBytes - before < weights)
        withExtendedLifetime(sessions) {}
    }
}

/// A mapped file in this process, as the system counts it.
private struct Mapping {
    /// Bytes of it in memory.
    var resident = 0
    /// Those bytes, each divided by how often it is mapped.
    var share = 0
    /// Bytes that are no longer the file's.
    var written = 0

    /// All mappings of a file.
    static func all(of path: String) -> [Mapping] {
        var result: [Mapping] = []
        var isOurs = false
        for line in lines("/proc/self/smaps") {
            let words = line.split(separator: " ")
            guard let first = words.first else { continue }
            if !first.hasSuffix(":") {
                isOurs = line.hasSuffix(path)
                if isOurs { result.append(Mapping()) }
            } else if isOurs, words.count > 1, let count = Int(words[1]) {
                switch first {
                case "Rss:": result[result.count - 1].resident = count << 10
                case "Pss:": result[result.count - 1].share = count << 10
                case "Private_Dirty:": result[result.count - 1].written = count << 10
                default: break
                }
            }
        }
        return result
    }

    /// Bytes of memory of this process's own.
    static var anonymousBytes: Int {
        let line = lines("/proc/self/status").first { $0.hasPrefix("RssAnon:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    private static func lines(_ path: String) -> [Substring] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer.prefix(count) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}
