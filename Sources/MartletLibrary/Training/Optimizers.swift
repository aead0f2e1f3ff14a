import MartletCore
public import MartletIR

/// One step of Adagrad (Duchi, Hazan and Singer, 2011).
public struct Adagrad: Sendable {
    public var decay: Double
    public var epsilon: Double
    /// Coefficient of the square of the parameters' norm in the loss, doubled.
    public var regularization: Double

    /// Makes an optimiser.
    public init(decay: Double = 0, epsilon: Double = 1e-6, regularization: Double = 0) {
        (self.decay, self.epsilon, self.regularization) = (decay, epsilon, regularization)
    }

    /// The next parameters and accumulated squared gradients.
    ///
    /// - Parameters:
    ///   - rate: learning rate, a scalar.
    ///   - step: number of updates done, an integer scalar.
    public func update(
        _ x: Tensor, gradient: Tensor, squares: Tensor, rate: Tensor, step: Tensor
    ) throws -> (x: Tensor, squares: Tensor) {
        let slope = try regularized(gradient, x, regularization)
        let sum = squares + slope * slope
        let own = try (rate / (step.cast(to: rate.element) * decay + 1)).cast(to: x.element)
        let next = try x - (own * slope) / (sum.mapped(.sqrt) + epsilon)
        return (try next.checked(), try sum.checked())
    }
}

/// One step of Adam (Kingma and Ba, 2015, arXiv:1412.6980).
public struct Adam: Sendable {
    /// Decay of the mean of gradients, and of their squares.
    public var alpha: Double, beta: Double
    public var epsilon: Double
    /// Coefficient of the square of the parameters' norm in the loss, doubled; and of what is taken from the
    /// parameters after the step.
    public var regularization: Double, decay: Double

    /// Makes an optimiser.
    public init(
        alpha: Double = 0.9, beta: Double = 0.999, epsilon: Double = 1e-6, regularization: Double = 0, decay: Double = 0
    ) {
        (self.alpha, self.beta, self.epsilon) = (alpha, beta, epsilon)
        (self.regularization, self.decay) = (regularization, decay)
    }

    /// The next parameters, mean gradients and mean squared gradients; see ``Adagrad``.
    public func update(
        _ x: Tensor, gradient: Tensor, mean: Tensor, squares: Tensor, rate: Tensor, step: Tensor
    ) throws -> (x: Tensor, mean: Tensor, squares: Tensor) {
        let slope = try regularized(gradient, x, regularization)
        let nextMean = mean * alpha + slope * (1 - alpha)
        let nextSquares = squares * beta + (slope * slope) * (1 - beta)
        let direction = try nextMean / (nextSquares.mapped(.sqrt) + epsilon)
        var next = try x - adjusted(rate, step).cast(to: x.element) * direction
        if decay != 0 { next = next * (1 - decay) }
        return (try next.checked(), try nextMean.checked(), try nextSquares.checked())
    }

    /// The learning rate with the bias of the first means taken out.
    private func adjusted(_ rate: Tensor, _ step: Tensor) throws -> Tensor {
        let exponent = try step.cast(to: rate.element)
        func rest(_ base: Double) throws -> Tensor {
            try (1 - Tensor.constant(base, like: rate).mapped(.pow, exponent)).checked()
        }
        let corrected = try rate * rest(beta).mapped(.sqrt) / rest(alpha)
        return try Tensor.elementwise(.select, [exponent.compared(.gt, .constant(0, like: exponent)), corrected, rate])
    }
}

/// One step of gradient descent with momentum (Polyak, 1964; Nesterov, 1983).
public struct Momentum: Sendable {
    /// Decay of the momentum, and the weight of the gradient in it, which is 1 in the first step.
    public var alpha: Double, beta: Double
    /// Coefficient of the square of the parameters' norm in the loss, doubled.
    public var regularization: Double
    public var isNesterov: Bool

    /// Makes an optimiser.
    public init(alpha: Double, beta: Double, regularization: Double = 0, isNesterov: Bool = false) {
        (self.alpha, self.beta) = (alpha, beta)
        (self.regularization, self.isNesterov) = (regularization, isNesterov)
    }

    /// The next parameters and momentum; see ``Adagrad``.
    public func update(
        _ x: Tensor, gradient: Tensor, momentum: Tensor, rate: Tensor, step: Tensor
    ) throws -> (x: Tensor, momentum: Tensor) {
        let slope = try regularized(gradient, x, regularization)
        let isLater = try step.compared(.gt, .constant(0, like: step))
        let weight = try Tensor.select(isLater, .constant(beta, like: x), .constant(1, like: x))
        let next = momentum * alpha + slope * weight
        let direction = isNesterov ? slope + next * alpha : next
        return (try (x - rate.cast(to: x.element) * direction).checked(), try next.checked())
    }
}

/// The gradient with that of half the coefficient times the square of the parameters' norm.
private func regularized(_ gradient: Tensor, _ x: Tensor, _ coefficient: Double) throws -> Tensor {
    coefficient == 0 ? gradient : try (x * coefficient + gradient).checked()
}
