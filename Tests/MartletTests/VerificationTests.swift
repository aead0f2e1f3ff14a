import Martlet
import MartletCore
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

@Suite struct VerificationTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// `y = (a + b) * b`.
    private func product() throws -> CaseKit {
        try CaseKit(
            "\(folder.path)/product",
            nodes: [CaseKit.node("Add", ["a", "b"], "s"), CaseKit.node("Mul", ["s", "b"], "y")],
            inputs: [CaseKit.tensor("a", [2]), CaseKit.tensor("b", [2])], outputs: [CaseKit.tensor("y", [2])])
    }

    private func options(_ engine: VerifiedEngine) -> Verification.Options {
        var options = Verification.Options()
        options.engine = engine
        options.model = folder.options()
        return options
    }

    @Test(arguments: VerifiedEngine.allCases) func rightOutputsPass(engine: VerifiedEngine) throws {
        let kit = try product()
        try kit.add(
            set: 0, inputs: [CaseKit.floats([1, 2]), CaseKit.floats([3, 4])], outputs: [CaseKit.floats([12, 24])])
        let report = try Verification(try CaseFolder(path: kit.path), options: options(engine)).run()
        #expect(report.failures.isEmpty && report.aloneCount == 1 && report.streamCount == 0)
    }

    @Test(arguments: VerifiedEngine.allCases) func wrongOutputsSayWhere(engine: VerifiedEngine) throws {
        let kit = try product()
        try kit.add(
            set: 0, inputs: [CaseKit.floats([1, 2]), CaseKit.floats([3, 4])], outputs: [CaseKit.floats([12, 25])])
        let report = try Verification(try CaseFolder(path: kit.path), options: options(engine)).run()
        let failure = try #require(report.failures.first)
        #expect(report.failures.count == 1)
        #expect(failure.output == "y" && failure.dataSet == 0 && !failure.isStream)
        #expect(failure.reason.contains("[1]: got 24.0, expected 25.0"))
    }

    @Test(arguments: VerifiedEngine.allCases) func streamsCarryTheirOwnState(engine: VerifiedEngine) throws {
        let kit = try CaseKit(
            "\(folder.path)/sum", nodes: [CaseKit.node("Add", ["x", "h"], "n")],
            inputs: [CaseKit.tensor("x", [1]), CaseKit.tensor("h", [1])], outputs: [CaseKit.tensor("n", [1])])
        try kit.describe(["state": ["output": "n", "input": "h", "streams": [[0, 3]]]])
        for (number, state) in [10, 11, 13].enumerated() as EnumeratedSequence<[Float]> {
            let x = Float(number + 1)
            try kit.add(
                set: number, inputs: [CaseKit.floats([x]), CaseKit.floats([state])],
                outputs: [CaseKit.floats([state + x])])
        }
        let report = try Verification(try CaseFolder(path: kit.path), options: options(engine)).run()
        #expect(report.failures.isEmpty && report.aloneCount == 3 && report.streamCount == 3)
    }

    @Test func aStreamThatDrainsIsToldFromItsSets() throws {
        let kit = try CaseKit(
            "\(folder.path)/sum", nodes: [CaseKit.node("Add", ["x", "h"], "n")],
            inputs: [CaseKit.tensor("x", [1]), CaseKit.tensor("h", [1])], outputs: [CaseKit.tensor("n", [1])])
        try kit.describe(["state": ["output": "n", "input": "h", "streams": [[0, 2]]]])
        try kit.add(set: 0, inputs: [CaseKit.floats([1]), CaseKit.floats([0])], outputs: [CaseKit.floats([1])])
        // Alone the set is right, but its state is not what the set before leaves.
        try kit.add(set: 1, inputs: [CaseKit.floats([1]), CaseKit.floats([5])], outputs: [CaseKit.floats([6])])
        let report = try Verification(try CaseFolder(path: kit.path), options: options(.compiled)).run()
        #expect(report.failures.map(\.isStream) == [true])
    }

    @Test func layersNameTheFirstNodeThatDiffers() throws {
        let inputs = [TraceInput("x", .float32, [4])]
        let right = try trace(inputs) { x in ["y": (x[0] + x[0]) * x[0]] }
        let loader = try ModelLoader(folder.options())
        let x = ["x": try HostTensor([1, 2, 3, 4] as [Float], shape: [4])]
        let same = LayerComparison(right, tolerance: Tolerance()) { try loader.load($0) }
        #expect(try same.firstDifference(x) == nil)
        let wrong = LayerComparison(right, tolerance: Tolerance()) { variant in
            // As a compiler that takes products for sums would.
            let text = variant.text.replacing("op = mul", with: "op = add")
            return try loader.load(try Graph(text: text))
        }
        let difference = try #require(try wrong.firstDifference(x))
        #expect(difference.operation == "map" && difference.node.index == 1)
    }

    @Test func conformanceTellsUnsupportedFromFailed() throws {
        let kit = try CaseKit(
            "\(folder.path)/unknown", nodes: [CaseKit.node("NoSuchOperator", ["x"], "y")],
            inputs: [CaseKit.tensor("x", [1])], outputs: [CaseKit.tensor("y", [1])])
        try kit.add(set: 0, inputs: [CaseKit.floats([1])], outputs: [CaseKit.floats([1])])
        let result = ConformanceCases.run(try CaseFolder(path: kit.path), options(.compiled))
        #expect(result.status == .unsupported && result.reason.contains("NoSuchOperator"))
    }
}
