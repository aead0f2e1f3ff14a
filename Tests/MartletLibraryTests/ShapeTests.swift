import MartletCore
import MartletIR
import MartletLibrary
import Testing

@Suite("Library: shapes")
struct ShapeTests {
    private func line(_ values: [Int64]) throws -> Tensor { Tensor(try HostTensor(values, shape: [values.count])) }

    @Test(arguments: [
        (PaddingMode.reflect, 2, 2, [3, 2, 1, 2, 3, 2, 1]), (.reflect, 5, 0, [2, 1, 2, 3, 2, 1, 2, 3]),
        (.edge, 2, 1, [1, 1, 1, 2, 3, 3]), (.wrap, 2, 1, [2, 3, 1, 2, 3, 1]), (.wrap, 4, 0, [3, 1, 2, 3, 1, 2, 3]),
        (.constant, 1, 2, [0, 1, 2, 3, 0, 0]), (.constant, -1, 1, [2, 3, 0]), (.edge, -1, 1, [2, 3, 3]),
    ])
    func paddingModes(_ mode: PaddingMode, _ low: Int, _ high: Int, _ expected: [Double]) throws {
        let padded = try line([1, 2, 3]).padded(mode, low: [IntExpr(low)], high: [IntExpr(high)])
        #expect(try padded.values == expected)
    }

    @Test func takingWrapsAndKeepsTheAxis() throws {
        let x = try numbers([2, 3, 4])
        let indices = Tensor(try HostTensor([Int64](arrayLiteral: 2, -3, -1, 0), shape: [2, 2]))
        let taken = try x.taken(indices, axis: 1)
        #expect(try taken.extents == [2, 2, 2, 4])
        let last = try x.taken(Tensor(HostTensor(scalar: Int64(-1))), axis: 1)
        #expect(try last.extents == [2, 4])
        #expect(
            try taken.sliced(start: [0, 1, 0, 0], size: [2, 1, 1, 4]).reshaped(to: [2, 4]).distance(to: last) == 0)
        #expect(throws: Diagnostic.self) { try x.taken(Tensor(HostTensor(scalar: Int64(3))), axis: 1) }
    }

    @Test func rangesCountDownToo() throws {
        #expect(try Tensor.range(start: 5, limit: -2, step: -3).values == [5, 2, -1])
        #expect(try Tensor.range(start: 0, limit: 0, step: 1).values == [])
    }

    @Test func aGatherAtConstantPlacesIsASlice() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [IntExpr(recorder.symbol("n", lower: 4)), 8]))
        let graph = try recorder.record {
            let taken = try x.taken(line([6, 4, 2]), axis: 1)
            return try recorder.finish([(name: "y", tensor: taken)])
        }
        #expect(graph.operations.count == 1 && graph.operations[0] is Slice)
    }

    @Test func axesMayBeComputed() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [2, 1, 3, 1]))
        let axes = recorder.input("axes", TensorType(.int64, [2]))
        let graph = try recorder.record {
            let squeezed = try x.squeezed(axes: try DynamicAxes(axes, rank: 4))
            let back = try squeezed.unsqueezed(axes: try DynamicAxes(axes, rank: 4))
            return try recorder.finish([(name: "y", tensor: squeezed), (name: "z", tensor: back)])
        }
        let input = try HostTensor([Float](repeating: 1, count: 6), shape: [2, 1, 3, 1])
        let results = try Interpreter(graph).run([input, try HostTensor([Int64(-1), 1], shape: [2])])
        #expect(results.map(\.shape) == [[2, 3], [2, 1, 3, 1]])
    }
}
