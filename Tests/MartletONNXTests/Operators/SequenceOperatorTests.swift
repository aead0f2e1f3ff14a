import MartletCore
import MartletIR
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Operators: sequences") struct SequenceOperatorTests {
    private func model(_ build: (inout TestModel) throws -> Void) throws -> TestModel {
        var model = TestModel(opset: 18)
        model.input("x", .float32, [4])
        try model.constant("two", [2], shape: [])
        try build(&model)
        return model
    }

    @Test func sequencesVanish() throws {
        let model = try model { model in
            model.node("SplitToSequence", ["x", "two"], ["s"])
            try model.constant("last", [-1], shape: [])
            model.node("SequenceInsert", ["s", "x", "last"], ["t"])
            model.node("SequenceErase", ["t"], ["u"])
            model.node("ConcatFromSequence", ["u"], ["y"], [AttributeProto("axis", .int(0))])
            model.node("SequenceLength", ["u"], ["n"])
            model.outputs("y", "n")
        }
        let results = try model.run(([1, 2, 3, 4], [4]))
        #expect(try results[0].doubles() == [1, 2, 1, 2, 3, 4])
        #expect(try results[1].ints() == [2])
    }

    @Test func positionsAreChecked() throws {
        for (type, position) in [("SequenceAt", 1), ("SequenceErase", -2), ("SequenceInsert", 2)] as [(String, Int64)] {
            let model = try model { model in
                model.node("SequenceConstruct", ["x"], ["s"])
                try model.constant("p", [position], shape: [])
                model.node(type, type == "SequenceInsert" ? ["s", "x", "p"] : ["s", "p"], ["y"])
                model.outputs("y")
            }
            #expect(errorCode { _ = try model.imported() } == "onnx.sequence")
        }
    }

    @Test func mapsTheElements() throws {
        let model = try model { model in
            model.node("SplitToSequence", ["x", "two"], ["s"])
            let add = NodeProto("Add", inputs: ["a", "b"], outputs: ["c"])
            model.node(
                "SequenceMap", ["s", "s"], ["t"],
                [
                    AttributeProto("body", subgraph(inputs: ["a", "b"], outputs: ["c"], [add]))
                ])
            let stack = [AttributeProto("axis", .int(0)), AttributeProto("new_axis", .int(1))]
            model.node("ConcatFromSequence", ["t"], ["y"], stack)
            model.outputs("y")
        }
        let result = try model.run(([1, 2, 3, 4], [4]))[0]
        #expect(try result.shape == [2, 2] && result.doubles() == [2, 4, 6, 8])
    }

    @Test func optionalsAreKnown() throws {
        let model = try model { model in
            model.node("Optional", ["x"], ["o"])
            model.node("OptionalHasElement", ["o"], ["h"])
            model.node("OptionalHasElement", [""], ["n"])
            model.node("OptionalGetElement", ["o"], ["y"])
            model.outputs("h", "n", "y")
        }
        #expect(try model.run(([1, 2, 3, 4], [4])).map { try $0.doubles() } == [[1], [0], [1, 2, 3, 4]])
    }
}
