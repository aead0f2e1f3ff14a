import MartletCore
import MartletONNX
import Testing

@Suite("Operators: training and random numbers") struct TrainingOperatorTests {
    private func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
    }

    private let shape = AttributeProto("shape", .ints([100, 100]))

    @Test func uniformNumbers() throws {
        for type in [1, 10, 11, 16] as [Int64] {
            let node = OperatorCase(
                "RandomUniform",
                [
                    shape, AttributeProto("dtype", .int(type)), AttributeProto("seed", .float(3)),
                    AttributeProto("low", .float(-1)), AttributeProto("high", .float(3)),
                ])
            let values = try node()[0].doubles()
            #expect(values.allSatisfy { (-1..<3).contains($0) })
            let (mean, variance) = moments(values)
            #expect(abs(mean - 1) < 0.05 && abs(variance - 16.0 / 12) < 0.05)
        }
    }

    @Test func normalNumbers() throws {
        let node = OperatorCase(
            "RandomNormal", [shape, AttributeProto("mean", .float(2)), AttributeProto("scale", .float(3))])
        let (mean, variance) = moments(try node()[0].doubles())
        #expect(abs(mean - 2) < 0.1 && abs(variance - 9) < 0.4)
    }

    @Test func seedsChooseTheNumbers() throws {
        func numbers(_ seed: Float) throws -> [Double] {
            try OperatorCase("RandomUniform", [shape, AttributeProto("seed", .float(seed))])()[0].doubles()
        }
        #expect(try numbers(1) == numbers(1))
        #expect(try numbers(1) != numbers(2))
        #expect(OperatorCase("RandomUniformLike", [AttributeProto("dtype", .int(7))]).failure([1]) == "type.elements")
    }

    @Test func certainAndImpossibleEvents() throws {
        #expect(try OperatorCase("Bernoulli").numbers([0, 1, 0, 1]) == [0, 1, 0, 1])
        let coin = OperatorCase("Bernoulli", [AttributeProto("dtype", .int(9))])
        let half = try coin.numbers(Array(repeating: 0.5, count: 10_000))
        #expect(abs(moments(half).mean - 0.5) < 0.02)
    }

    @Test func dropoutOfAllVersions() throws {
        let x = try HostTensor.of(Array(repeating: 3, count: 10_000))
        for opset in [7, 10, 12] as [Int64] {
            let results = try OperatorCase("Dropout", opset: opset, outputs: 2)(.data(x))
            #expect(results[0].isIdentical(to: x))
            #expect(results[1].type == (opset == 7 ? .float32 : .bool))
            #expect(try results[1].doubles().allSatisfy { $0 == 1 })
        }
        for flag in [OperatorCase.Input.constant(HostTensor(scalar: true)), .data(HostTensor(scalar: true))] {
            let results = try OperatorCase("Dropout", outputs: 2)(.data(x), .data(.of([0.25], [], .float64)), flag)
            let (values, mask) = (try results[0].doubles(), try results[1].doubles())
            #expect(zip(values, mask).allSatisfy { $0 == ($1 == 0 ? 0 : 4) })
            #expect(abs(moments(mask).mean - 0.75) < 0.02)
        }
        let off = try OperatorCase("Dropout")(.data(x), .missing, .data(HostTensor(scalar: false)))
        #expect(off[0].isIdentical(to: x))
        #expect(throws: Diagnostic.self) {
            try OperatorCase("Dropout")(.data(x), .constant(.of([1], [])), .constant(HostTensor(scalar: true)))
        }
    }

    @Test func optimizersCheckTheirInputs() throws {
        let domain = "ai.onnx.preview.training"
        let adam = OperatorCase("Adam", domain: domain, opset: 1, outputs: 3)
        let (one, step) = (OperatorCase.Input.data(try .of([1])), OperatorCase.Input.data(HostTensor(scalar: Int64(0))))
        // In step 0 the rate is not adjusted: x - 1 · 0.1 / (√0.001 + 10⁻⁶).
        let results = try adam(.data(.of([1], [])), step, one, one, .data(.of([0])), .data(.of([0])))
        #expect(agree(try results[0].doubles(), [1 - 0.1 / (0.001.squareRoot() + 1e-6)], within: 1e-4))
        #expect(throws: Diagnostic.self) { try adam(one, step, one, one, one) }
        let heavy = AttributeProto("mode", string: "heavy")
        let momentum = OperatorCase("Momentum", domain: domain, opset: 1, outputs: 2, [heavy])
        #expect(throws: Diagnostic.self) { try momentum(one, step, one, one, one) }
    }
}
