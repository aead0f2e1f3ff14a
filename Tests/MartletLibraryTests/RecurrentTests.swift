import MartletCore
import MartletIR
import MartletLibrary
import Testing

@Suite("Library: recurrent layers")
struct RecurrentTests {
    private let time = 4, batch = 2, inputs = 3, cells = 2

    private func layer(_ direction: RecurrentLayer.Direction) -> RecurrentLayer {
        let one: [RecurrentActivation] = [.init(.sigmoid), .init(.tanh), .init(.tanh)]
        return RecurrentLayer(
            direction: direction, activations: Array(repeating: one, count: direction.count).flatMap(\.self))
    }

    private func weights(_ directions: Int) throws -> RecurrentLayer.LSTMWeights {
        .init(
            input: try numbers([directions, 4 * cells, inputs]),
            recurrent: try numbers([directions, 4 * cells, cells], seed: 5),
            bias: try numbers([directions, 8 * cells], seed: 7),
            peepholes: try numbers([directions, 3 * cells], seed: 9))
    }

    @Test func aLayerIsItsStepsOneByOne() throws {
        let x = try numbers([time, batch, inputs], seed: 3)
        let whole = try layer(.forward).lstm(x, weights(1))
        var (hidden, cell): (Tensor?, Tensor?) = (nil, nil)
        for step in 0..<time {
            let slice = try x.sliced(axis: 0, start: IntExpr(step), size: 1)
            let part = try layer(.forward).lstm(slice, weights(1), hidden: hidden, cell: cell)
            (hidden, cell) = (part.hidden, part.cell)
            let expected = try whole.outputs.sliced(axis: 0, start: IntExpr(step), size: 1)
            #expect(try part.outputs.distance(to: expected) == 0)
        }
        #expect(try whole.hidden.distance(to: hidden ?? x) == 0)
        #expect(try whole.cell.distance(to: cell ?? x) == 0)
    }

    @Test func reverseIsForwardOfTheReversed() throws {
        let x = try numbers([time, batch, inputs], seed: 3)
        let turned = try x.sliced(axis: 0, start: 3, size: 4, step: -1)
        let reverse = try layer(.reverse).lstm(x, weights(1))
        let forward = try layer(.forward).lstm(turned, weights(1))
        #expect(try reverse.outputs.sliced(axis: 0, start: 3, size: 4, step: -1).distance(to: forward.outputs) == 0)
        #expect(try reverse.hidden.distance(to: forward.hidden) == 0)
    }

    @Test(arguments: [RecurrentLayer.Direction.forward, .reverse, .bidirectional])
    func shortSequencesAreCut(_ direction: RecurrentLayer.Direction) throws {
        let x = try numbers([time, batch, inputs], seed: 3)
        let lengths = Tensor(try HostTensor([Int32(4), 2], shape: [2]))
        let all = try layer(direction).lstm(x, weights(direction.count), lengths: lengths)
        let first = try x.sliced(start: [0, 0, 0], size: [2, 2, 3])
        let short = try layer(direction).lstm(first, weights(direction.count))
        let second = { (tensor: Tensor, axis: Int) in try tensor.sliced(axis: axis, start: 1, size: 1) }
        #expect(try second(all.hidden, 1).distance(to: second(short.hidden, 1)) == 0)
        let outputs = try second(all.outputs, 2)
        #expect(try outputs.sliced(axis: 0, start: 0, size: 2).distance(to: second(short.outputs, 2)) == 0)
        #expect(try outputs.sliced(axis: 0, start: 2, size: 2).values.allSatisfy { $0 == 0 })
    }
}
