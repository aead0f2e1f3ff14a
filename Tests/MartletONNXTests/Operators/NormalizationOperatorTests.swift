import MartletCore
import MartletONNX
import Testing

@Suite("Operators: normalisation and losses") struct NormalizationOperatorTests {
    private func batch(_ node: OperatorCase, _ x: HostTensor, _ parameters: [HostTensor]) throws -> [HostTensor] {
        try node(
            .data(x), .constant(parameters[0]), .constant(parameters[1]), .constant(parameters[2]),
            .constant(parameters[3]))
    }

    @Test func batchNormalizationOfOldVersions() throws {
        let x = try HostTensor.of([1, 3, 2, 6], [2, 2, 1])
        let one = try ["scale": 2.0, "bias": 1, "mean": 1, "variance": 4].mapValues { try HostTensor.of([$0, $0]) }
        let parameters = ["scale", "bias", "mean", "variance"].compactMap { one[$0] }
        let zero = AttributeProto("epsilon", .float(0))
        // (x - 1) / 2 · 2 + 1 = x
        for opset in [6, 7, 9, 14, 15] as [Int64] {
            let node = OperatorCase("BatchNormalization", opset: opset, [zero, AttributeProto("is_test", .int(1))])
            #expect(agree(try batch(node, x, parameters)[0].doubles(), [1, 3, 2, 6]))
        }
        // Results beyond the first mean training; the batch's mean is 1.5 and 4.5, its variance 0.25 and 2.25.
        let training = OperatorCase("BatchNormalization", opset: 9, outputs: 5, [zero])
        let results = try batch(training, x, parameters).map { try $0.doubles() }
        #expect(agree(results[0], [-1, -1, 3, 3]))
        #expect(agree(results[1], [1.05, 1.35]) && agree(results[2], [3.625, 3.825]))
        #expect(agree(results[3], [1.5, 4.5]) && agree(results[4], [0.25, 2.25]))
    }

    @Test func batchNormalizationOfEveryPlace() throws {
        let x = try HostTensor.of([1, 2, 3, 4], [1, 2, 2])
        let values: [[Double]] = [[1, 2, 3, 4], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
        let parameters = try values.map { try HostTensor.of($0, [2, 2]) }
        let node = OperatorCase(
            "BatchNormalization", opset: 7, [AttributeProto("spatial", .int(0)), AttributeProto("epsilon", .float(0))])
        #expect(agree(try batch(node, x, parameters)[0].doubles(), [0, 2, 6, 12]))
    }

    @Test func batchNormalizationKeepsTheTypesOfItsStatistics() throws {
        let x = try HostTensor.of([1, 2, 3, 4], [2, 2], .float16)
        let parameters = try [1.0, 0, 0, 1].enumerated().map { position, value in
            try HostTensor.of([value, value], nil, position < 2 ? .float16 : .float32)
        }
        let node = OperatorCase("BatchNormalization", opset: 15, outputs: 3, [AttributeProto("training_mode", .int(1))])
        #expect(try batch(node, x, parameters).map(\.type) == [.float16, .float32, .float32])
    }

    @Test func groupsOfChannelsInBothVersions() throws {
        let x = try HostTensor.of([0, 2, 4, 8, 1, 3, 5, 9], [2, 4])
        let groups = AttributeProto("num_groups", .int(2))
        var node = OperatorCase("GroupNormalization", opset: 18, [groups])
        let perGroup = try node(.data(x), .constant(.of([1, 2])), .constant(.of([0, 1])))[0].doubles()
        #expect(agree(perGroup, [-1, 1, -1, 3, -1, 1, -1, 3], within: 1e-4))
        node.opset = 21
        let perChannel = try node(.data(x), .constant(.of([1, 1, 2, 2])), .constant(.of([0, 0, 1, 1])))[0].doubles()
        #expect(agree(perChannel, perGroup))
        let ones = try HostTensor.of([1, 1, 1, 1])
        for attributes in [[AttributeProto("num_groups", .int(3))], []] {
            node.attributes = attributes
            #expect(throws: Diagnostic.self) { try node(.data(x), .constant(ones), .constant(ones)) }
        }
    }

    @Test func instancesOfUnknownSizes() throws {
        let x = try HostTensor.of([0, 2, 4, 8], [1, 2, 2])
        var node = OperatorCase("InstanceNormalization", [AttributeProto("epsilon", .float(0))])
        node.hasOpenSizes = true
        #expect(agree(try node(.data(x), .data(.of([1, 2])), .data(.of([0, 1])))[0].doubles(), [-1, 1, -1, 3]))
    }

    @Test func normsOfZeroGiveZero() throws {
        let euclidean = OperatorCase("LpNormalization")
        #expect(agree(try euclidean.numbers([3, 4, 0, 0], shape: [2, 2]), [0.6, 0.8, 0, 0]))
        let first = OperatorCase("LpNormalization", [AttributeProto("p", .int(1)), AttributeProto("axis", .int(0))])
        #expect(try first.numbers([1, -3]) == [0.25, -0.75])
        #expect(OperatorCase("LpNormalization", [AttributeProto("p", .int(3))]).failure([1]) == "type.norm")
        #expect(OperatorCase("LRN").failure([1], shape: [1, 1]) == "onnx.attribute")
    }

    @Test func ignoredTargetsCountForNothing() throws {
        let logarithms = try HostTensor.of([-1, -.infinity, -2, -3], [2, 2])
        let targets = try HostTensor.of([-5, 1], nil, .int32)
        func loss(_ reduction: String, _ weights: OperatorCase.Input...) throws -> [Double] {
            let node = OperatorCase(
                "NegativeLogLikelihoodLoss",
                [AttributeProto("ignore_index", .int(-5)), AttributeProto("reduction", string: reduction)])
            return try node(.data(logarithms), .data(targets), weights.first ?? .missing)[0].doubles()
        }
        #expect(try loss("none") == [0, 3])
        #expect(try loss("mean") == [3])
        #expect(try loss("sum", .constant(.of([4, 2]))) == [6])
        #expect(try loss("mean", .constant(.of([4, 2]))) == [3])
        #expect(throws: Diagnostic.self) { try loss("average") }
    }

    @Test func targetsOutOfRangeEndTheRun() throws {
        let node = OperatorCase("SoftmaxCrossEntropyLoss")
        let scores = try HostTensor.of([1, 2, 3, 4], [2, 2])
        #expect(throws: Diagnostic.self) { try node(.data(scores), .data(.of(integers: 0, 2))) }
        #expect(throws: Diagnostic.self) { try node(.data(scores), .data(.of([0, 1], [1, 2], .int64))) }
    }
}
