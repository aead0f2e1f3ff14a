import MartletCore
public import MartletIR

extension RecurrentLayer {
    /// Tensors of an LSTM. Gates stand in the order input, output, forget, cell.
    public struct LSTMWeights {
        /// W: (D, 4H, I), for the inputs.
        public var input: Tensor
        /// R: (D, 4H, H), for the states.
        public var recurrent: Tensor
        /// (D, 8H): biases of W, then of R.
        public var bias: Tensor?
        /// (D, 3H): weights of the cell in the gates input, output and forget.
        public var peepholes: Tensor?

        /// Collects the tensors.
        public init(input: Tensor, recurrent: Tensor, bias: Tensor? = nil, peepholes: Tensor? = nil) {
            (self.input, self.recurrent, self.bias, self.peepholes) = (input, recurrent, bias, peepholes)
        }
    }

    /// A long short-term memory over x (T, B, I); initial states (D, B, H) are 0 by default.
    ///
    /// - Parameters:
    ///   - couplesGates: the forget gate is 1 - input gate.
    ///   - productOperand: what is done with the hidden state before it is multiplied by the weights.
    /// - Returns: all outputs (T, D, B, H), the last output and the last cell (D, B, H).
    public func lstm(
        _ x: Tensor, _ weights: LSTMWeights, lengths: Tensor? = nil, hidden: Tensor? = nil, cell: Tensor? = nil,
        couplesGates: Bool = false, productOperand: ((Tensor) throws -> Tensor)? = nil
    ) throws -> (outputs: Tensor, hidden: Tensor, cell: Tensor) {
        let extents = try x.shape
        let size = try weights.recurrent.shape[2]
        guard extents.count == 3 else { throw Diagnostic("type.rank", "the input of an LSTM must have rank 3") }
        var results: [(stacked: Tensor, states: [Tensor])] = []
        for number in 0..<direction.count {
            let zeros = try Tensor.constant(0, like: x).broadcast(to: [extents[1], size], axes: [])
            let shape = [extents[1], size]
            let states = try [hidden, cell].map { try $0?.entry(number).requiring(shape, "initial states") ?? zeros }
            let cellStep = try LSTMCell(self, number, weights, size, couplesGates, productOperand)
            // The inputs' products of all steps are one product, outside of the loop.
            let projected = try cellStep.projectedInput(x)
            let recurrence = try Recurrence(
                lengths: lengths?.requiring([extents[1]], "lengths of sequences"), isReversed: isReversed(number))
            results.append(try recurrence.run(projected, states, step: cellStep.step))
        }
        return (
            try Tensor.concatenate(results.map { try $0.stacked.unsqueezed(axes: [1]) }, axis: 1),
            try Tensor.concatenate(results.map { try $0.states[0].unsqueezed(axes: [0]) }, axis: 0),
            try Tensor.concatenate(results.map { try $0.states[1].unsqueezed(axes: [0]) }, axis: 0)
        )
    }
}

/// One direction of an LSTM.
private struct LSTMCell {
    private let layer: RecurrentLayer
    private let functions: [RecurrentActivation]
    private let input: Tensor, recurrent: Tensor
    private let bias: Tensor?
    /// Weights of the cell in the gates input, output, forget.
    private let peepholes: [Tensor]?
    private let size: IntExpr
    private let couplesGates: Bool
    private let productOperand: ((Tensor) throws -> Tensor)?

    init(
        _ layer: RecurrentLayer, _ number: Int, _ weights: RecurrentLayer.LSTMWeights, _ size: IntExpr,
        _ couplesGates: Bool, _ productOperand: ((Tensor) throws -> Tensor)?
    ) throws {
        self.productOperand = productOperand
        (self.layer, self.size, self.couplesGates) = (layer, size, couplesGates)
        functions = try layer.functions(number, count: 3)
        input = try weights.input.entry(number)
        recurrent = try weights.recurrent.entry(number)
        bias = try weights.bias.map { all in
            let own = try all.entry(number)
            return try (own.part(0, size * 4) + own.part(1, size * 4)).checked()
        }
        peepholes = try weights.peepholes.map { all in
            let own = try all.entry(number)
            return try (0..<3).map { try own.part($0, size) }
        }
    }

    func projectedInput(_ x: Tensor) throws -> Tensor {
        let product = try x.projected(input)
        return try bias.map { try (product + $0).checked() } ?? product
    }

    func step(_ projected: Tensor, _ states: [Tensor]) throws -> [Tensor] {
        let (hidden, cell) = (states[0], states[1])
        let operand = try productOperand.map { try $0(hidden) } ?? hidden
        let gates = try projected + operand.projected(recurrent)
        func gate(_ number: Int) throws -> Tensor { try gates.part(number, size) }
        func peeped(_ gate: Tensor, _ number: Int, _ cell: Tensor) -> Tensor {
            peepholes.map { gate + $0[number] * cell } ?? gate
        }
        let input = try functions[0](layer.clipped(peeped(try gate(0), 0, cell)))
        let forget = couplesGates ? 1 - input : try functions[0](layer.clipped(peeped(try gate(2), 2, cell)))
        let candidate = try functions[1](layer.clipped(try gate(3)))
        let next = try (forget * cell + input * candidate).checked()
        let output = try functions[0](layer.clipped(peeped(try gate(1), 1, next)))
        return [try (output * functions[2](next)).checked(), next]
    }
}
