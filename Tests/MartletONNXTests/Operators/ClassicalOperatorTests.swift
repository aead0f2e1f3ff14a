import MartletCore
import MartletONNX
import Testing

@Suite("Operators: classical models") struct ClassicalOperatorTests {
    private func node(
        _ type: String, opset: Int64 = 3, outputs: Int = 1, _ attributes: AttributeProto...
    ) -> OperatorCase {
        OperatorCase(type, domain: "ai.onnx.ml", opset: opset, outputs: outputs, attributes)
    }

    @Test func preparesFeatures() throws {
        #expect(try node("Binarizer", AttributeProto("threshold", .float(0.5))).numbers([0, 1], as: .int64) == [0, 1])
        let scaler = node("Scaler", AttributeProto("offset", .floats([1])), AttributeProto("scale", .floats([2, 3])))
        #expect(try scaler.numbers([1, 2, 3, 4], shape: [2, 2]) == [0, 3, 4, 9])
        let imputer = node(
            "Imputer", AttributeProto("imputed_value_floats", .floats([7])),
            AttributeProto("replaced_value_float", .float(.nan)))
        #expect(try imputer.numbers([1, .nan], shape: [1, 2]) == [1, 7])
        #expect(
            try node("Normalizer", AttributeProto("norm", string: "L1")).numbers([1, -3, 0, 0], shape: [2, 2])
                == [0.25, -0.75, 0, 0])
        #expect(node("Normalizer", AttributeProto("norm", string: "L3")).failure([1]) == "onnx.attribute")
    }

    @Test func findsKeys() throws {
        let encoder = node(
            "LabelEncoder", opset: 4, AttributeProto("keys_floats", .floats([2, .nan, 1, 2])),
            AttributeProto("values_int64s", .ints([1, 2, 3, 4])))
        #expect(try encoder.numbers([1, 2, .nan, 9]) == [3, 4, 2, -1])
        let oneHot = node(
            "OneHotEncoder", AttributeProto("cats_int64s", .ints([4, 2])), AttributeProto("zeros", .int(0)))
        #expect(try oneHot.numbers([2, 4]) == [0, 1, 1, 0])
        #expect(throws: Diagnostic.self) { try oneHot.numbers([3]) }
        #expect(node("OneHotEncoder").failure([1]) == "onnx.strings")
    }

    @Test func oneScoreStandsForTwoClasses() throws {
        let classifier = node(
            "LinearClassifier", outputs: 2, AttributeProto("coefficients", .floats([1])),
            AttributeProto("intercepts", .floats([0])), AttributeProto("classlabels_ints", .ints([5, 7])))
        let results = try classifier(.data(.of([2, -1], [2, 1]))).map { try $0.doubles() }
        #expect(results == [[7, 5], [-1, 2, 2, -1]])
    }

    @Test func treesDecide() throws {
        // x₀ ≤ 1 gives 10, else x₁ = 2 gives 20, else 30.
        let modes = ["BRANCH_LEQ", "LEAF", "BRANCH_EQ", "LEAF", "LEAF"]
        let attributes = [
            AttributeProto("nodes_treeids", .ints([0, 0, 0, 0, 0])),
            AttributeProto("nodes_nodeids", .ints([0, 1, 2, 3, 4])),
            AttributeProto("nodes_featureids", .ints([0, 0, 1, 0, 0])),
            AttributeProto("nodes_values", .floats([1, 0, 2, 0, 0])),
            AttributeProto("nodes_modes", .strings(modes.map { Array($0.utf8) })),
            AttributeProto("nodes_truenodeids", .ints([1, 0, 3, 0, 0])),
            AttributeProto("nodes_falsenodeids", .ints([2, 0, 4, 0, 0])),
            AttributeProto("nodes_missing_value_tracks_true", .ints([1, 0, 0, 0, 0])),
            AttributeProto("target_treeids", .ints([0, 0, 0])), AttributeProto("target_nodeids", .ints([1, 3, 4])),
            AttributeProto("target_ids", .ints([0, 0, 0])), AttributeProto("target_weights", .floats([10, 20, 30])),
        ]
        var trees = OperatorCase("TreeEnsembleRegressor", domain: "ai.onnx.ml", opset: 3, attributes)
        #expect(try trees.numbers([0, 0, 2, 2, 2, 3, .nan, 0], shape: [4, 2]) == [10, 20, 30, 10])
        trees.attributes[5] = AttributeProto("nodes_truenodeids", .ints([1, 0, 2, 0, 0]))
        #expect(trees.failure([0, 0], shape: [1, 2]) == "onnx.trees")
        trees.attributes[5] = AttributeProto("nodes_truenodeids", .ints([9, 0, 3, 0, 0]))
        #expect(trees.failure([0, 0], shape: [1, 2]) == "onnx.trees")
    }
}
