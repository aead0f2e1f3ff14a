import MartletCore
import MartletIR
import Testing

/// What views refuse, and the code with which they do.
@Suite struct ViewErrorTests {
    private func code(_ operation: any Operation, _ operands: HostTensor...) throws -> String? {
        do {
            _ = try Tensor.apply(operation, operands.map { Tensor($0) })
            return nil
        } catch let diagnostic as Diagnostic {
            return diagnostic.code
        }
    }

    private let x: HostTensor
    private let fill = HostTensor(scalar: Float(0))

    init() throws { x = try HostTensor(zeros: .float32, shape: [2, 3]) }

    @Test func wrongAxesAreRefused() throws {
        #expect(try code(Transpose([0, 0]), x) == "type.permutation")
        #expect(try code(Transpose([0, 1, 2]), x) == "type.permutation")
        #expect(try code(Broadcast(shape: [2, 3], axes: [1, 0]), x) == "type.axes")
        #expect(try code(Slice(start: [0], size: [1], step: [1]), x) == "type.axes")
        #expect(try code(Concat(axis: 2), x) == "type.axes")
        #expect(try code(Window([.init(axis: 5, size: 1)]), x) == "type.axes")
        #expect(try code(Gather(axes: [], mode: .clamp), x) == "type.axes")
        #expect(try code(Iota(shape: [2], axis: -1, type: .int64)) == "type.axes")
    }

    @Test func wrongSizesAreRefused() throws {
        #expect(try code(Reshape(shape: [7]), x) == "type.sizes-differ")
        #expect(try code(Broadcast(shape: [4, 3], axes: [0, 1]), x) == "type.sizes-differ")
        #expect(try code(Slice(start: [0, 0], size: [3, 3], step: [1, 1]), x) == "type.sizes-differ")
        #expect(try code(Slice(start: [0, 0], size: [2, 3], step: [0, 1]), x) == "type.step")
        #expect(try code(Slice(start: [0, -1], size: [2, 1], step: [1, 1]), x) == "type.sizes-differ")
        #expect(try code(Pad(low: [-9, 0], high: [0, 0], interior: [0, 0]), x, fill) == "type.pad")
        #expect(try code(Window([.init(axis: 0, size: 0)]), x) == "type.window")
    }

    @Test func hugeSizesAreErrorsNotTraps() throws {
        let huge = IntExpr(Int.max)
        #expect(try code(Slice(start: [huge, 0], size: [huge, 1], step: [huge, 1]), x) != nil)
        #expect(try code(Pad(low: [huge, 0], high: [huge, 0], interior: [0, 0]), x, fill) != nil)
        #expect(try code(Pad(low: [IntExpr(Int.min), 0], high: [huge, 0], interior: [0, 0]), x, fill) != nil)
        #expect(try code(Broadcast(shape: [huge, 2, 3], axes: [1, 2]), x) != nil)
        #expect(try code(Iota(shape: [huge, huge], axis: 0, type: .int64)) != nil)
        let wide = Window.Axis(axis: 0, size: huge, stride: Int.max, dilation: Int.max)
        #expect(try code(Window([wide]), x) != nil)
    }

    @Test func indexOutOfRangeIsAnError() throws {
        let index = try HostTensor([2] as [Int64], shape: [1])
        #expect(try code(Gather(axes: [0], mode: .check), x, index) == "run.index-range")
        let empty = try HostTensor(zeros: .float32, shape: [0])
        #expect(try code(Gather(axes: [0], mode: .clamp), empty, index) == "run.index-range")
    }

    @Test func theIndexIsSaidAsItWasGiven() throws {
        func message(_ index: HostTensor, _ text: String) throws -> String? {
            do {
                _ = try Interpreter(Graph(text: text)).run([x, index])
                return nil
            } catch let diagnostic as Diagnostic { return diagnostic.message }
        }
        let plain = """
            graph () {
              %0 = input "x" : f32[2, 3]
              %1 = input "i" : i64[]
              %2 = gather {axes = [1], mode = check} (%0, %1) : f32[2]
              output "y" %2
            }
            """
        #expect(
            try message(HostTensor(scalar: Int64(-1)), plain) == "an index is out of range: -1, for axis 1 of size 3")
        let unsigned = plain.replacing("i64", with: "u64")
        let text = "an index is out of range: \(UInt64.max), for axis 1 of size 3"
        #expect(try message(HostTensor(scalar: UInt64.max), unsigned) == text)
    }

    @Test func fillMustBeAScalarOfTheType() throws {
        let wrong = HostTensor(scalar: Double(0))
        #expect(try code(Pad(low: [0, 0], high: [0, 1], interior: [0, 0]), x, wrong) == "type.elements")
        let index = try HostTensor([2] as [Int64], shape: [1])
        #expect(try code(Gather(axes: [0], mode: .fill), x, index, wrong) == "type.gather")
        #expect(try code(Gather(axes: [0], mode: .fill), x, index) == "type.operand-count")
    }
}
