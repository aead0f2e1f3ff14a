import Martlet
import MartletCore
import MartletRuntime
import TestSupport
import Testing

@Suite struct MeasurementTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    @Test func quantilesAreValuesThatOccurred() {
        let latency = Latency([3, 1, 2, 4])
        #expect(latency.quantile(0) == 1 && latency.quantile(0.5) == 2 && latency.quantile(0.9) == 4)
        #expect(latency.mean == 2.5)
        #expect(Latency([]).quantile(0.5) == 0)
    }

    @Test func randomInputsAreTheSameForASeed() throws {
        let ports = [
            ModelPort(name: "a", type: .float32, shape: [Extent(named: "n"), 3]),
            ModelPort(name: "b", type: .int64, shape: [Extent(named: "n")]),
        ]
        var (first, second) = (RandomInputs(seed: 5), RandomInputs(seed: 5))
        let a = try first.tensors(for: ports, shapes: ["a": [2, 3]])
        let b = try second.tensors(for: ports, shapes: ["a": [2, 3]])
        #expect(a["b"]?.shape == [2])
        for name in ["a", "b"] {
            let tensor = try #require(a[name])
            #expect(b[name]?.isIdentical(to: tensor) == true)
        }
        #expect(throws: Diagnostic.self) { try first.tensors(for: ports, shapes: ["a": [2]]) }
    }

    @Test func preparedRunsAndProfiles() throws {
        let graph = try trace([TraceInput("x", .float32, ["n", 64])]) { x in
            ["y": try x[0].contracted(with: x[0], contracted: [(1, 1)])]
        }
        let model = try Model(graph, options: folder.options())
        let run = try PreparedRun(model.engine, inputs: ["x": try HostTensor(zeros: .float32, shape: [8, 64])])
        try run.run()
        let profile = try StepProfile(run, duration: 0.01)
        #expect(!profile.steps.isEmpty && profile.runCount > 0)
        let flops: Double = profile.steps.map(\.flops).reduce(0, +)
        #expect(flops == 8192)
        let share: Double = profile.steps.map(\.share).reduce(0, +)
        #expect(abs(share - 1) < 1e-9)
        let json = profile.json(before: [.float32: 1, .int8: 3], after: [.float32: 2, .int8: 4])
        #expect(json["peaks"]?["int8"]?["after"]?.number == 4 && json["peaks"]?["bfloat16"] == nil)
        #expect(json["steps"]?.array?.allSatisfy { $0["arithmetic"]?.string == "float32" } == true)
        #expect(json["steps"]?.array?.count == profile.steps.count && json["peak_after"]?.number == 2)
        #expect(throws: Diagnostic.self) { try PreparedRun(model.engine, inputs: [:]) }
    }

    @Test func thePeakIsThatOfAProcessor() throws {
        let peaks = try MachinePeaks(folder.settings).measure()
        #expect(peaks[.float32] != nil)
        for (kind, peak) in peaks { #expect(peak > 1 && peak < 10_000, "\(kind)") }
    }
}
