import Glibc
import Martlet
import MartletCore
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

/// Loops, branches and scans, from the ONNX model to the run of its engine.
@Suite struct ControlFlowTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Its `limit` is declared as a scalar and comes from the data file with one axis.
    @Test(Prepared.needs(Prepared.greedyLoop), arguments: VerifiedEngine.allCases)
    func greedyLoop(engine: VerifiedEngine) throws {
        var options = Verification.Options()
        options.engine = engine
        options.model = folder.options()
        let report = try Verification(try Prepared.open(Prepared.greedyLoop), options: options).run()
        #expect(report.failures.isEmpty && report.aloneCount == 2, "\(report.failures)")
    }

    @Test func oneElementIsTakenForAScalarOnlyWhereOneIsDeclared() throws {
        let one = try tensor([7] as [Float])
        #expect(try CaseDataSet.input(one, rank: 0).shape == [])
        #expect(try CaseDataSet.input(one, rank: 1).shape == [1])
        #expect(try CaseDataSet.input(try tensor([7, 8] as [Float]), rank: 0).shape == [2])
    }

    /// A loop that ends when a sum reaches a bound or turns run out, with a branch inside; it carries a value that grows,
    /// reads values from outside and stacks one.
    private func growingLoop() throws -> ModelKit {
        let double = ModelKit.body([ModelKit.node("Mul", ["element", "factor"], ["doubled"])], outputs: ["doubled"])
        let less = ModelKit.body([ModelKit.node("Sub", ["element", "bias"], ["lessened"])], outputs: ["lessened"])
        let axes = AttributeProto("axis", .int(0))
        let body: [NodeProto] = [
            ModelKit.node("Gather", ["x", "turn"], ["element"], [axes]),
            ModelKit.node("Mod", ["turn", "two"], ["odd"]), ModelKit.node("Equal", ["odd", "zero"], ["isEven"]),
            ModelKit.node(
                "If", ["isEven"], ["value"],
                [AttributeProto("then_branch", double), AttributeProto("else_branch", less)]
            ),
            ModelKit.node("Unsqueeze", ["value", "first"], ["row"]),
            ModelKit.node("Concat", ["seen", "row"], ["seenNext"], [axes]),
            ModelKit.node("Add", ["sum", "value"], ["sumNext"]),
            ModelKit.node("Less", ["sumNext", "bound"], ["goesOn"]),
        ]
        let inputs = [
            ModelKit.value("turn", .int64, []), ModelKit.value("condition", .bool, []),
            ModelKit.value("seen", .float32, ["k"]), ModelKit.value("sum", .float32, []),
        ]
        let loop = ModelKit.node(
            "Loop", ["limit", "true", "start", "nothing"], ["all", "total", "stacked"],
            [
                AttributeProto(
                    "body", ModelKit.body(body, inputs: inputs, outputs: ["goesOn", "seenNext", "sumNext", "value"]))
            ])
        return try ModelKit(
            folder, [loop],
            inputs: [
                ModelKit.value("x", .float32, ["n"]), ModelKit.value("limit", .int64, []),
                ModelKit.value("bias", .float32, []),
            ],
            outputs: ["all", "total", "stacked"],
            constants: [
                "factor": HostTensor(scalar: Float(2)), "two": HostTensor(scalar: Int64(2)),
                "zero": HostTensor(scalar: Int64(0)), "first": try tensor([0] as [Int64]),
                "bound": HostTensor(scalar: Float(10)), "true": HostTensor(scalar: true),
                "start": try tensor([100] as [Float]), "nothing": HostTensor(scalar: Float(0)),
            ])
    }

    @Test func loopsThatEndByTheirData() throws {
        let kit = try growingLoop()
        let (model, judge) = (try kit.compiled(), try kit.reference())
        let cases: [(x: [Float], limit: Int64)] = [
            ([1, 2, 3, 4, 5, 6], 6), ([1, 2, 3, 4, 5, 6], 2), ([9, 1], 2), ([1, 1, 1], 0), ([-1, -2, -3, 4], 4),
        ]
        for (x, limit) in cases {
            let bias: Float = 0.5
            var values: [Float] = []
            while values.count < limit, values.isEmpty || values.reduce(0, +) < 10 {
                values.append(values.count % 2 == 0 ? x[values.count] * 2 : x[values.count] - bias)
            }
            let inputs = [
                "x": try tensor(x), "limit": HostTensor(scalar: limit), "bias": HostTensor(scalar: bias),
            ]
            let expected = [
                "all": try tensor([100] + values), "total": HostTensor(scalar: values.reduce(0, +)),
                "stacked": try tensor(values),
            ]
            #expect(difference([try judge.run(inputs)], [expected]) == nil, "interpreted, \(x) \(limit)")
            #expect(difference([try model.run(inputs)], [expected]) == nil, "compiled, \(x) \(limit)")
        }
    }

    /// An index beyond the data ends the run with the name of the node inside the loop.
    @Test func faultsInsideLoopsNameTheirNode() throws {
        let kit = try growingLoop()
        let inputs = [
            "x": try tensor([1, 1] as [Float]), "limit": HostTensor(scalar: Int64(5)),
            "bias": HostTensor(scalar: Float(0)),
        ]
        let runs: [([String: HostTensor]) throws -> [String: HostTensor]] = [
            { try kit.compiled().run($0) }, { try kit.reference().run($0) },
        ]
        for run in runs {
            let problem = #expect(throws: Diagnostic.self) { try run(inputs) }
            #expect(problem.map { "\($0)" }?.contains("element") == true, "\(problem.map { "\($0)" } ?? "")")
        }
    }

    /// `h' = tanh(x W + h U)` over the rows of a sequence; the weights come from outside.
    @Test func scansWithCapturedWeights() throws {
        let body: [NodeProto] = [
            ModelKit.node("MatMul", ["x", "w"], ["fromInput"]), ModelKit.node("MatMul", ["h", "u"], ["fromState"]),
            ModelKit.node("Add", ["fromInput", "fromState"], ["sum"]), ModelKit.node("Tanh", ["sum"], ["next"]),
            ModelKit.node("Identity", ["next"], ["row"]),
        ]
        let inputs = [ModelKit.value("h", .float32, ["b", "4"]), ModelKit.value("x", .float32, ["b", "3"])]
        let scan = ModelKit.node(
            "Scan", ["start", "xs"], ["last", "rows"],
            [
                AttributeProto("body", ModelKit.body(body, inputs: inputs, outputs: ["next", "row"])),
                AttributeProto("num_scan_inputs", .int(1)),
            ])
        let (w, u) = (try noise([3, 4], seed: 3), try noise([4, 4], seed: 4))
        let kit = try ModelKit(
            folder, [scan],
            inputs: [ModelKit.value("start", .float32, ["b", "4"]), ModelKit.value("xs", .float32, ["t", "b", "3"])],
            outputs: ["last", "rows"], constants: ["w": w, "u": u])
        let model = try kit.compiled()
        for (turns, batch) in [(5, 2), (1, 1), (17, 3), (0, 2)] {
            let data = ["start": try noise([batch, 4], seed: 7), "xs": try noise([turns, batch, 3], seed: 8)]
            let (found, judged) = (try model.run(data), try kit.reference().run(data))
            #expect(found["rows"]?.shape == [turns, batch, 4] && found["last"]?.shape == [batch, 4])
            for name in ["last", "rows"] {
                let comparison = OutputComparison(
                    try #require(found[name]), try #require(judged[name]), tolerance: Tolerance(rtol: 1e-5, atol: 1e-6))
                #expect(comparison.passes, "\(turns) turns: \(comparison)")
            }
            let expected = try Self.scan(data, w, u)
            let last = try #require(found["last"]).array(of: Float.self)
            #expect(zip(last, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
        }
    }

    /// The last state of the scan, computed plainly.
    private static func scan(_ data: [String: HostTensor], _ w: HostTensor, _ u: HostTensor) throws -> [Double] {
        let (xs, start) = (try #require(data["xs"]), try #require(data["start"]))
        let (x, input, state) = (try xs.doubles(), try w.doubles(), try u.doubles())
        var h = try start.doubles()
        let (turns, batch) = (xs.shape[0], xs.shape[1])
        for turn in 0..<turns {
            let old = h
            for row in 0..<batch {
                for column in 0..<4 {
                    var sum = 0.0
                    for k in 0..<3 { sum += x[(turn * batch + row) * 3 + k] * input[k * 4 + column] }
                    for k in 0..<4 { sum += old[row * 4 + k] * state[k * 4 + column] }
                    h[row * 4 + column] = tanh(sum)
                }
            }
        }
        return h
    }
}
