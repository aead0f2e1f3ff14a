import Martlet
import MartletCompiler
import MartletEngine
import MartletONNX
import TestSupport
import Testing

/// Kernels made for AArch64 run and agree, in an emulator of the processor.
@Suite(
    .enabled(
        if: Prepared.isLong && Shell.has("aarch64-linux-gnu-gcc", "qemu-aarch64-static"),
        "set MARTLET_LONG=1 and install gcc-aarch64-linux-gnu and qemu-user-static (Scripts/setup --emulator)"),
    .serialized)
struct AArch64Tests {
    private let folder: TestFolder
    private let harness: String

    init() throws {
        folder = try TestFolder()
        harness = "\(folder.path)/harness"
        try Shell.check(
            "aarch64-linux-gnu-gcc -std=gnu11 -O1 -Wall -Werror -static -o '\(harness)' "
                + "'\(Shell.package)/Tests/AArch64/harness.c'")
    }

    /// What the kernels of a graph, compiled for the architecture, compute in the emulator.
    private func emulated(_ graph: Graph, _ inputs: [HostTensor]) throws -> [HostTensor] {
        var settings = folder.settings
        settings.target = "aarch64"
        let engine = try ModelCompiler(settings).compile(graph, name: "test")
        #expect(engine.header.triple.hasPrefix("aarch64-"))
        let run = try RecordedRun(engine, shapes: inputs.map(\.shape))
        try run.write(inputs, to: "\(folder.path)/run")
        try Shell.check("qemu-aarch64-static '\(harness)' '\(folder.path)/run' '\(folder.path)/outputs'")
        return try run.outputs(from: "\(folder.path)/outputs")
    }

    private func expect(_ graph: Graph, _ inputs: [HostTensor], _ tolerance: Tolerance) throws {
        let expected = try Interpreter(graph).run(inputs)
        for (port, pair) in zip(graph.outputs, zip(try emulated(graph, inputs), expected)) {
            let comparison = OutputComparison(pair.0, pair.1, tolerance: tolerance)
            #expect(comparison.passes, "\(port.name): \(comparison)")
        }
    }

    @Test(arguments: PortableCase.allCases) func smallGraphsEqualTheInterpreter(example: PortableCase) throws {
        let (graph, inputs) = try example.make()
        try expect(graph, inputs, example.tolerance)
    }

    private static let networks = Prepared.present([Prepared.magika, Prepared.silero, Prepared.miniLM])

    /// All steps of a network in order, on its first data set.
    @Test(.enabled(if: !networks.isEmpty, Prepared.missing), arguments: networks)
    func networksEqualTheInterpreter(network: String) throws {
        let verification = try Verification(try Prepared.open(network))
        let graph = try verification.graph(ModelOptions())
        let tensors = try verification.inputs(of: try #require(verification.folder.dataSets.first))
        let inputs = try graph.inputs.map { try #require(tensors[$0.name]) }
        try expect(graph, inputs, verification.folder.tolerance)
    }
}
