import MartletCore
import MartletIR
import TestSupport
import Testing

@Suite(.enabled(if: LoweringSupport.isAvailable))
struct ScatterLoweringTests {
    private struct Shapes {
        let target: [Int], axes: [Int], index: [Int]
        var update: [Int] { index + target.indices.filter { !axes.contains($0) }.map { target[$0] } }
    }

    private static let shapes = [
        Shapes(target: [9], axes: [0], index: [20]), Shapes(target: [6, 19], axes: [0], index: [11]),
        Shapes(target: [3, 5, 4], axes: [1], index: [2, 4]), Shapes(target: [4, 7], axes: [0, 1], index: [3, 5]),
        Shapes(target: [5, 2, 6], axes: [0, 2], index: [9]), Shapes(target: [5, 3], axes: [0], index: []),
        Shapes(target: [4, 1500], axes: [0], index: [6]),
    ]

    private func graph(
        _ type: ElementType, _ shapes: Shapes, _ mode: ScatterForm.Mode, _ checked: Bool
    ) throws -> Graph {
        func tensor(_ element: ElementType, _ shape: [Int]) -> TensorType {
            TensorType(element, shape.map { IntExpr($0) })
        }
        let indices = shapes.axes.map { _ in tensor(.int64, shapes.index) }
        let types = [tensor(type, shapes.target)] + indices + [tensor(type, shapes.update)]
        return try LoweringSupport.graph(types) { builder, x in
            try builder.add(Scatter(axes: shapes.axes, mode: mode, checked: checked), x)
        }
    }

    private func inputs(
        _ type: ElementType, _ shapes: Shapes, _ random: inout SplitMix64, beyond: Int, special: Bool
    ) throws -> [HostTensor] {
        let count = shapes.index.reduce(1, *)
        let indices = try shapes.axes.map { axis in
            let values = (0..<count).map { _ in Int64(random.int(-beyond...shapes.target[axis] - 1 + beyond)) }
            return try HostTensor.fromInts(values, as: .int64, shape: shapes.index)
        }
        return [try random.tensor(type, shapes.target, special: special)] + indices
            + [try random.tensor(type, shapes.update, special: special)]
    }

    @Test(arguments: [ElementType.float32, .float16, .bfloat16, .float64, .int32, .uint8, .int64])
    func equalsInterpreter(_ type: ElementType) throws {
        var random = SplitMix64(seed: 6)
        for mode in [ScatterForm.Mode.set, .add, .mul, .max, .min] {
            for shapes in Self.shapes {
                let tensors = try inputs(type, shapes, &random, beyond: 1, special: mode != .mul && mode != .add)
                try LoweringSupport.expectEqual(try graph(type, shapes, mode, false), tensors)
                let inside = try inputs(type, shapes, &random, beyond: 0, special: true)
                try LoweringSupport.expectEqual(try graph(type, shapes, mode, true), inside)
            }
        }
    }

    @Test func bools() throws {
        var random = SplitMix64(seed: 7)
        for mode in [ScatterForm.Mode.set, .max, .min] {
            let tensors = try inputs(.bool, Self.shapes[1], &random, beyond: 1, special: false)
            try LoweringSupport.expectEqual(try graph(.bool, Self.shapes[1], mode, false), tensors)
        }
    }

    @Test func checkedIndicesFail() throws {
        for shapes in Self.shapes {
            var random = SplitMix64(seed: 8)
            var tensors = try inputs(.float32, shapes, &random, beyond: 0, special: false)
            var values = try tensors[1].ints()
            values[values.count - 1] = Int64(shapes.target[shapes.axes[0]])
            tensors[1] = try HostTensor.fromInts(values, as: .int64, shape: shapes.index)
            let graph = try graph(.float32, shapes, .set, true)
            #expect(throws: Diagnostic.self) { try LoweringSupport.run(graph, tensors) }
        }
    }

    @Test func computedOperandsAndSmallIndices() throws {
        let graph = try LoweringSupport.graph(
            [TensorType(.float32, [6, 8]), TensorType(.uint8, [4]), TensorType(.float32, [8, 4])]
        ) { builder, x in
            let target = try builder.add(Map(.neg), x[0])
            let update = try builder.add(Transpose([1, 0]), x[2])
            let sum = try builder.add(Scatter(axes: [0], mode: .add, checked: true), target, x[1], update)
            return [sum, try builder.add(Map(.add), sum, x[0])]
        }
        var random = SplitMix64(seed: 9)
        let index = try HostTensor.fromInts([5, 0, 5, 2], as: .uint8, shape: [4])
        try LoweringSupport.expectEqual(
            graph, [try random.tensor(.float32, [6, 8]), index, try random.tensor(.float32, [8, 4])])
    }
}
