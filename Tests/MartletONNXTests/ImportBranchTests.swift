import MartletCore
import MartletIR
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Import: branches and loops")
struct ImportBranchTests {
    /// `If` on "extent `axis` of x is 1": squeezes the axis, or leaves it.
    private func squeezing(_ shape: [Any], axis: Int64) throws -> TestModel {
        var model = TestModel()
        model.input("x", .float32, shape)
        try model.constant("axis", [axis])
        try model.constant("one", [1])
        model.node("Shape", ["x"], ["s"])
        model.node("Gather", ["s", "axis"], ["extent"])
        model.node("Equal", ["extent", "one"], ["c"])
        model.node(
            "If", ["c"], ["z"], name: "choice",
            [
                AttributeProto(
                    "then_branch",
                    subgraph(outputs: ["t"], [NodeProto("Squeeze", inputs: ["x", "axis"], outputs: ["t"])])),
                AttributeProto(
                    "else_branch", subgraph(outputs: ["e"], [NodeProto("Identity", inputs: ["x"], outputs: ["e"])])),
            ])
        model.outputs("z")
        return model
    }

    @Test func knownConditionsVanish() throws {
        #expect(try squeezing([3, 1], axis: 1).imported().outputTypes == ["f32[3]"])
        #expect(try squeezing([3, 2], axis: 1).imported().outputTypes == ["f32[3, 2]"])
        #expect(try squeezing([3, "n"], axis: 0).imported().graph.nodes.count == 0)
    }

    @Test func ranksThatDifferUpToTheEndAreRefused() throws {
        #expect(errorCode { _ = try squeezing([3, "n"], axis: 1).imported() } == "onnx.branches-differ")
    }

    @Test func theRestIsImportedOncePerBranch() throws {
        // The rest brings both ranks to one: a vector's shape has 1 element, a matrix's has 2.
        var model = try squeezing([3, "n"], axis: 1)
        model.node("ReduceSum", ["z"], ["y"], [AttributeProto("keepdims", .int(0))])
        model.outputs("y")
        let graph = try model.imported().graph
        #expect(graph.nodeIDs.contains { graph.operation(of: $0) is MartletIR.If })
        #expect(try model.run(([1, 2, 3], [3, 1]))[0].array(of: Float.self) == [6])
        #expect(try model.run(([1, 2, 3, 4, 5, 6], [3, 2]))[0].array(of: Float.self) == [21])
    }

    @Test func aBranchThatCannotRunLimitsTheSizes() throws {
        // Only the squeezed form has two axes to transpose.
        var model = try squeezing([3, 2, "n"], axis: 2)
        model.node("Transpose", ["z"], ["y"], [AttributeProto("perm", .ints([1, 0]))])
        model.outputs("y")
        let imported = try model.imported()
        #expect(imported.outputTypes == ["f32[2, 3]"])
        let entry = imported.graph.symbols.entries[0]
        #expect(entry.lower == 1 && entry.upper == 1)
        #expect(imported.notes.map(\.code) == ["type.permutation"])
        #expect(!imported.graph.nodeIDs.contains { imported.graph.operation(of: $0) is MartletIR.If })
    }

    @Test func aBranchThatCannotRunForDataFails() throws {
        var model = TestModel()
        model.input("c", .bool, [])
        model.input("x", .float32, [2, 2])
        try model.constant("axis", [0])
        model.node(
            "If", ["c"], ["z"],
            [
                AttributeProto(
                    "then_branch",
                    subgraph(outputs: ["t"], [NodeProto("Squeeze", inputs: ["x", "axis"], outputs: ["t"])])),
                AttributeProto(
                    "else_branch", subgraph(outputs: ["e"], [NodeProto("Exp", inputs: ["x"], outputs: ["e"])])),
            ])
        model.outputs("z")
        let imported = try model.imported()
        let x = try HostTensor([Float](repeating: 0, count: 4), shape: [2, 2])
        let run = { (c: Bool) in try Interpreter(imported.graph).run([HostTensor(scalar: c), x]) }
        #expect(try run(false)[0].array(of: Float.self) == [1, 1, 1, 1])
        #expect(errorCode { _ = try run(true) } == "onnx.squeeze")
        #expect(imported.notes.map(\.severity) == [.warning])
    }

    @Test func dataDecidesAtRunTime() throws {
        var model = TestModel()
        model.input("c", .bool, [1])
        model.input("x", .float32, ["n"])
        let branch = { (name: String, type: String) in
            AttributeProto(name, subgraph(outputs: ["r"], [NodeProto(type, inputs: ["x"], outputs: ["r"])]))
        }
        model.node("If", ["c"], ["y"], [branch("then_branch", "Neg"), branch("else_branch", "Abs")])
        model.outputs("y")
        let imported = try model.imported()
        #expect(imported.outputTypes == ["f32[n]"])
        let x = try HostTensor([Float(-2)], shape: [1])
        for (condition, expected) in [(true, Float(2)), (false, 2)] {
            let c = try HostTensor([condition], shape: [1])
            #expect(try Interpreter(imported.graph).run([c, x])[0].array(of: Float.self) == [expected])
        }
    }

    @Test func aDecidedConditionIsRemembered() throws {
        // n == m decides nothing about ranges, but the same question has the same answer within a branch.
        var model = TestModel()
        model.input("x", .float32, ["n"])
        model.input("w", .float32, ["m"])
        model.node("Shape", ["x"], ["n"])
        model.node("Shape", ["w"], ["m"])
        model.node("Equal", ["n", "m"], ["c"])
        let inner = NodeProto(
            "If", inputs: ["c"], outputs: ["i"],
            attributes: [
                AttributeProto(
                    "then_branch", subgraph(outputs: ["a"], [NodeProto("Exp", inputs: ["x"], outputs: ["a"])])),
                AttributeProto(
                    "else_branch", subgraph(outputs: ["b"], [NodeProto("Size", inputs: ["x"], outputs: ["b"])])),
            ])
        model.node(
            "If", ["c"], ["y"],
            [
                AttributeProto("then_branch", subgraph(outputs: ["i"], [inner])),
                AttributeProto(
                    "else_branch", subgraph(outputs: ["e"], [NodeProto("Neg", inputs: ["x"], outputs: ["e"])])),
            ])
        model.outputs("y")
        #expect(try model.run(([0], [1]), ([0], [1]))[0].array(of: Float.self) == [1])
        #expect(try model.run(([3], [1]), ([0, 0], [2]))[0].array(of: Float.self) == [-3])
    }

    @Test func loopsCarryAndStack() throws {
        var model = TestModel()
        model.input("x", .float32, ["n"])
        try model.constant("turns", [3], shape: [])
        let body = subgraph(
            inputs: ["i", "c", "s"], outputs: ["go", "next", "slice"],
            [
                NodeProto("Identity", inputs: ["c"], outputs: ["go"]),
                NodeProto("Add", inputs: ["s", "x"], outputs: ["next"]),
                NodeProto("Neg", inputs: ["next"], outputs: ["slice"]),
            ])
        model.node("Loop", ["turns", "", "x"], ["last", "all"], [AttributeProto("body", body)])
        model.outputs("last", "all")
        #expect(try model.imported().outputTypes == ["f32[n]", "f32[3, n]"])
        let results = try model.run(([1, 2], [2]))
        #expect(try results[0].array(of: Float.self) == [4, 8])
        #expect(try results[1].array(of: Float.self) == [-2, -4, -3, -6, -4, -8])
    }
}
