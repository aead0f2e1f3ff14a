import MartletCore
public import MartletIR

extension LayerNormalization {
    /// Layer normalisation as PyTorch, TensorFlow and ONNX's own definition spell it out, with scale and bias, with the
    /// scale alone, or with neither.
    public static let spelledForms: SpelledForms? = SpelledForms(around: { ($0 as? Reduce)?.combiner == .sum }) {
        seed in
        NormPlace.all(around: seed).flatMap { place in
            Form.all.filter { !$0.isFolded || place.summed.element == place.operand.element }
                .map { $0.spelled(at: place) }
        }
    }

    /// One spelling.
    private struct Form {
        let variance: Variance
        let quotient: NormQuotient
        let parameterCount: Int
        /// Whether scale and bias are combined with mean and deviation before they meet the tensor.
        var isFolded = false

        enum Variance: CaseIterable {
            /// mean((x - mean)²).
            case centred
            /// mean(x²) - mean², as in ONNX's definition. It loses digits where the mean is large against the deviation,
            /// which the call does not: the results agree within the tolerance of either, not to the bit.
            case moments
        }

        static let all =
            Variance.allCases.flatMap { variance in
                NormQuotient.allCases.flatMap { quotient in
                    (0...2).map { Form(variance: variance, quotient: quotient, parameterCount: $0) }
                }
            } + [Form(variance: .centred, quotient: .product, parameterCount: 2, isFolded: true)]

        func spelled(at place: NormPlace) -> SpelledForm {
            let parameters = Array(repeating: place.parameter, count: parameterCount)
            return SpelledForm(
                operands: [place.operand] + parameters, constants: [place.summed.element],
                call: { constants in
                    LayerNormalization(
                        axis: place.axis, epsilon: constants.first ?? 0, stash: place.summed.element,
                        hasScale: parameterCount > 0, hasBias: parameterCount > 1)
                },
                body: { try body($0, place) })
        }

        /// `inputs` are the operand, the parameters and epsilon.
        private func body(_ inputs: [Tensor], _ place: NormPlace) throws -> Tensor {
            let x = try place.prepared(inputs[0])
            let parameters = try inputs.dropFirst().dropLast().map { try place.prepared(parameter: $0) }
            let mean = try x.mean(axes: place.axes, keepingAxes: true)
            let variance = try self.variance(x, mean, place.axes)
            let root = try Tensor.elementwise(.add, [variance, inputs[inputs.count - 1]]).mapped(.sqrt)
            if isFolded { return try folded(x, mean, root, parameters).reshaped(to: place.operand.shape) }
            let centred = try Tensor.elementwise(.sub, [x, mean])
            var result = try quotient(centred, by: root).cast(to: place.operand.element)
            for (function, parameter) in zip([ScalarOp.mul, .add], parameters) {
                result = try Tensor.elementwise(function, [result, parameter])
            }
            return try result.reshaped(to: place.operand.shape)
        }

        private func variance(_ x: Tensor, _ mean: Tensor, _ axes: [Int]) throws -> Tensor {
            switch variance {
            case .centred:
                let centred = try Tensor.elementwise(.sub, [x, mean])
                return try (centred * centred).mean(axes: axes, keepingAxes: true)
            case .moments:
                let ofSquares = try (x * x).mean(axes: axes, keepingAxes: true)
                return try Tensor.elementwise(.sub, [ofSquares, Tensor.elementwise(.mul, [mean, mean])])
            }
        }

        private func folded(_ x: Tensor, _ mean: Tensor, _ root: Tensor, _ parameters: [Tensor]) throws -> Tensor {
            let factor = try Tensor.elementwise(.mul, [root.reciprocal(), parameters[0]])
            let shift = try Tensor.elementwise(.sub, [parameters[1], Tensor.elementwise(.mul, [mean, factor])])
            return try Tensor.elementwise(.add, [Tensor.elementwise(.mul, [x, factor]), shift])
        }
    }
}
