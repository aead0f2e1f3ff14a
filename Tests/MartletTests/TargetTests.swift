import Martlet
import MartletCompiler
import MartletEngine
import MartletONNX
import TestSupport
import Testing

/// Engines of one model for different processors agree, and open only where they can run.
@Suite(.serialized) struct TargetTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// The levels of x86-64 that this machine has.
    static let levels = ["x86-64-v2", "x86-64-v3", "x86-64-v4"].filter { name in
        guard let host = CodegenTarget.host, let target = try? CodegenTarget(named: name) else { return false }
        return target.runs(on: host)
    }

    private static let networks = Prepared.present([Prepared.magika, Prepared.silero, Prepared.miniLM, Prepared.resNet])

    private func options(_ target: String) -> ModelOptions {
        var options = folder.options()
        options.settings?.target = target
        return options
    }

    @Test(arguments: levels, PortableCase.allCases)
    func smallGraphsEqualTheInterpreter(target: String, example: PortableCase) throws {
        let (graph, inputs) = try example.make()
        let model = try Model(graph, options: options(target))
        #expect(model.engine.engine.header.target == target)
        let expected = try Interpreter(graph).run(inputs)
        let outputs = try model.run(Dictionary(uniqueKeysWithValues: zip(graph.inputs.map(\.name), inputs)))
        for (port, tensor) in zip(graph.outputs, expected) {
            let comparison = OutputComparison(
                try #require(outputs[port.name]), tensor, tolerance: example.tolerance)
            #expect(comparison.passes, "\(port.name): \(comparison)")
        }
    }

    @Test(.enabled(if: !networks.isEmpty, Prepared.missing), arguments: levels, networks)
    func networksGiveTheirRecordedOutputs(target: String, network: String) throws {
        var verified = Verification.Options()
        verified.model = options(target)
        let report = try Verification(try Prepared.open(network), options: verified).run()
        #expect(report.aloneCount > 0)
        #expect(report.failures.isEmpty, "\(report.failures)")
    }

    /// The interpreter is the judge: on the inputs of the first data set, with the tolerance of the case.
    @Test(
        .enabled(if: !networks.isEmpty, Prepared.missing), arguments: levels,
        networks.filter { !$0.hasSuffix("resnet50") })
    func networksEqualTheInterpreter(target: String, network: String) throws {
        var verified = Verification.Options()
        verified.model = options(target)
        let verification = try Verification(try Prepared.open(network), options: verified)
        let inputs = try verification.inputs(of: try #require(verification.folder.dataSets.first))
        let expected = try ReferenceRunner(try verification.graph(verified.model)).run(inputs)
        let outputs = try Model.load(verification.folder.modelPath, options: verified.model).run(inputs)
        for (name, tensor) in expected {
            let comparison = OutputComparison(
                try #require(outputs[name]), tensor, tolerance: verification.folder.tolerance)
            #expect(comparison.passes, "\(name): \(comparison)")
        }
    }

    @Test func enginesForOtherProcessorsAreRefusedInWords() throws {
        let host = try #require(CodegenTarget.host)
        let foreign = CodegenTarget.known.filter { !$0.runs(on: host) }
        #expect(foreign.contains { $0.architecture != host.architecture })
        for target in foreign {
            let graph = try trace([TraceInput("x", .float32, ["n"])]) { x in ["y": x[0] + x[0]] }
            let problem = #expect(throws: Diagnostic.self) { try Model(graph, options: options(target.name)) }
            #expect(problem?.code == "engine.incompatible")
            let missing = target.allFeatures.first { !host.has($0) }?.rawValue ?? ""
            let isNamed =
                problem?.message.contains(
                    target.architecture == host.architecture ? "the engine needs" : "the engine is for") == true
            #expect(isNamed && (target.architecture != host.architecture || problem?.message.contains(missing) == true))
            #expect(problem?.help?.hasPrefix("rebuild with --target ") == true)
        }
    }
}
