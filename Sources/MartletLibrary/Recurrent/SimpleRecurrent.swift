import MartletCore
public import MartletIR

extension RecurrentLayer {
    /// Weights of a layer without a cell: g gates of H elements, one after the other.
    public struct Weights {
        /// W: (D, g·H, I), for the inputs.
        public var input: Tensor
        /// R: (D, g·H, H), for the states.
        public var recurrent: Tensor
        /// (D, 2g·H): biases of W, then of R.
        public var bias: Tensor?

        /// Collects the tensors.
        public init(input: Tensor, recurrent: Tensor, bias: Tensor? = nil) {
            (self.input, self.recurrent, self.bias) = (input, recurrent, bias)
        }
    }

    /// A simple recurrent layer over x (T, B, I): f(x·Wᵀ + h·Rᵀ + biases).
    ///
    /// - Returns: all outputs (T, D, B, H) and the last one (D, B, H).
    public func simpleRecurrent(
        _ x: Tensor, _ weights: Weights, lengths: Tensor? = nil, hidden: Tensor? = nil
    ) throws -> (outputs: Tensor, hidden: Tensor) {
        try directions(x, weights, lengths, hidden) { number, own in
            let function = try functions(number, count: 1)[0]
            return own.stepping(own.both) { projected, state in
                try function(clipped(projected + state.projected(own.recurrent)))
            }
        }
    }

    /// Gated recurrent units over x (T, B, I). Gates stand in the order update, reset, hidden.
    ///
    /// - Parameter resetsProduct: whether the reset gate scales the product of the state, not the state.
    /// - Returns: all outputs (T, D, B, H) and the last one (D, B, H).
    public func gru(
        _ x: Tensor, _ weights: Weights, lengths: Tensor? = nil, hidden: Tensor? = nil, resetsProduct: Bool = false
    ) throws -> (outputs: Tensor, hidden: Tensor) {
        let size = try weights.recurrent.shape[2]
        return try directions(x, weights, lengths, hidden) { number, own in
            let cell = try GRUCell(self, functions(number, count: 2), own, size, resetsProduct)
            return own.stepping(cell.inputBias, cell.step)
        }
    }

    /// Runs the steps of each direction, and puts the results together.
    private func directions(
        _ x: Tensor, _ weights: Weights, _ lengths: Tensor?, _ hidden: Tensor?,
        _ stepping: (Int, DirectionWeights) throws -> DirectionWeights.Stepping
    ) throws -> (outputs: Tensor, hidden: Tensor) {
        let extents = try x.shape
        guard extents.count == 3, try weights.recurrent.rank == 3 else {
            throw Diagnostic("type.rank", "input and weights of a recurrent layer must have rank 3")
        }
        let zeros = try Tensor.constant(0, like: x).broadcast(to: [extents[1], weights.recurrent.shape[2]], axes: [])
        var results: [(stacked: Tensor, states: [Tensor])] = []
        for number in 0..<direction.count {
            let own = try DirectionWeights(weights, number)
            let steps = try stepping(number, own)
            // The inputs' products of all steps are one product, outside of the loop.
            let product = try x.projected(own.input)
            let projected = try steps.bias.map { try (product + $0).checked() } ?? product
            let recurrence = try Recurrence(
                lengths: lengths?.requiring([extents[1]], "lengths of sequences"), isReversed: isReversed(number))
            let first = try hidden?.entry(number).requiring(zeros.shape, "initial states") ?? zeros
            results.append(try recurrence.run(projected, [first]) { [try steps.step($0, $1[0])] })
        }
        return (
            try Tensor.concatenate(results.map { try $0.stacked.unsqueezed(axes: [1]) }, axis: 1),
            try Tensor.concatenate(results.map { try $0.states[0].unsqueezed(axes: [0]) }, axis: 0)
        )
    }
}

/// The weights of one direction.
private struct DirectionWeights {
    let input: Tensor, recurrent: Tensor
    /// Biases of the input's and of the state's products.
    let inputBias: Tensor?, recurrentBias: Tensor?

    /// What is added to the inputs' products, and the step from such a product and a state to the next state.
    typealias Stepping = (bias: Tensor?, step: (Tensor, Tensor) throws -> Tensor)

    init(_ weights: RecurrentLayer.Weights, _ number: Int) throws {
        (input, recurrent) = (try weights.input.entry(number), try weights.recurrent.entry(number))
        let size = try recurrent.shape[0]
        let bias = try weights.bias?.entry(number)
        (inputBias, recurrentBias) = (try bias?.part(0, size), try bias?.part(1, size))
    }

    /// The sum of the biases.
    var both: Tensor? {
        guard let inputBias, let recurrentBias else { return nil }
        return inputBias + recurrentBias
    }

    func stepping(_ bias: Tensor?, _ step: @escaping (Tensor, Tensor) throws -> Tensor) -> Stepping { (bias, step) }
}

/// One direction of gated recurrent units.
private struct GRUCell {
    private let layer: RecurrentLayer
    private let functions: [RecurrentActivation]
    private let size: IntExpr
    private let resetsProduct: Bool
    /// Weights of the state for the update and reset gates, and for the hidden one.
    private let gates: Tensor, candidate: Tensor
    /// The state's bias of the hidden gate, where it is reset too.
    private let candidateBias: Tensor?
    /// What is added to the inputs' products.
    let inputBias: Tensor?

    init(
        _ layer: RecurrentLayer, _ functions: [RecurrentActivation], _ weights: DirectionWeights, _ size: IntExpr,
        _ resetsProduct: Bool
    ) throws {
        (self.layer, self.functions, self.size, self.resetsProduct) = (layer, functions, size, resetsProduct)
        gates = try weights.recurrent.sliced(axis: 0, start: 0, size: size * 2)
        candidate = try weights.recurrent.sliced(axis: 0, start: size * 2, size: size)
        guard resetsProduct, let first = weights.inputBias, let second = weights.recurrentBias else {
            (inputBias, candidateBias) = (weights.both, nil)
            return
        }
        let both =
            try first.sliced(axis: 0, start: 0, size: size * 2) + second.sliced(axis: 0, start: 0, size: size * 2)
        inputBias = try Tensor.concatenate([both, first.part(2, size)], axis: 0)
        candidateBias = try second.part(2, size)
    }

    func step(_ projected: Tensor, _ state: Tensor) throws -> Tensor {
        let own = try state.projected(gates)
        func gate(_ number: Int) throws -> Tensor {
            try functions[0](layer.clipped(projected.part(number, size) + own.part(number, size)))
        }
        let (update, reset) = (try gate(0), try gate(1))
        let product: Tensor
        if resetsProduct {
            let plain = try state.projected(candidate)
            product = reset * (candidateBias.map { plain + $0 } ?? plain)
        } else {
            product = try (reset * state).checked().projected(candidate)
        }
        let next = try functions[1](layer.clipped(projected.part(2, size) + product))
        return try ((1 - update) * next + update * state).checked()
    }
}
