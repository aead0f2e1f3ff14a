public import MartletCore
public import MartletIR

extension Tensor {
    /// Layer normalisation over the axes from `axis` on: (x - mean) / √(variance + epsilon) · scale + bias.
    ///
    /// - Parameter stash: element type in which mean and variance are computed, and given back.
    /// - Returns: the result in this tensor's type, the mean and 1 / √(variance + epsilon) with axes of extent 1.
    public func layerNormalized(
        axis: Int, scale: Tensor?, bias: Tensor?, epsilon: Double, stash: ElementType = .float32
    ) throws -> (result: Tensor, mean: Tensor, inverseDeviation: Tensor) {
        let call = LayerNormalization(
            axis: axis, epsilon: epsilon, stash: stash, hasScale: scale != nil, hasBias: bias != nil)
        let results = try Tensor.apply(call, [self] + [scale, bias].compactMap { $0 })
        return (results[0], results[1], results[2])
    }
}

/// The kept call of layer normalisation (Ba, Kiros, Hinton 2016, arXiv:1607.06450).
///
/// Operands: x, then scale and bias where present, which broadcast to x. Results: y, mean, 1 / √(variance + epsilon).
public struct LayerNormalization: KeptFunction {
    public static let name = "layer_normalization"
    /// First of the normalised axes, which go on to the last.
    public let axis: Int
    public let epsilon: Double
    /// Element type of mean and variance.
    public let stash: ElementType
    public let hasScale: Bool
    public let hasBias: Bool

    /// Makes the call.
    public init(axis: Int, epsilon: Double, stash: ElementType, hasScale: Bool, hasBias: Bool) {
        self.axis = axis
        self.epsilon = epsilon
        self.stash = stash
        self.hasScale = hasScale
        self.hasBias = hasBias
    }

    public init(_ attributes: AttributeReader) throws {
        guard let epsilon = Double(try attributes.word("epsilon")) else {
            throw Diagnostic("text.attribute", "'epsilon' is no number")
        }
        self.init(
            axis: try attributes.int("axis"), epsilon: epsilon, stash: try attributes.type("stash"),
            hasScale: try attributes.flag("scale"), hasBias: try attributes.flag("bias"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("axis", .int(axis)), Attribute("epsilon", .text("\(epsilon)")),
            Attribute("stash", .type(stash)), Attribute("scale", .flag(hasScale)), Attribute("bias", .flag(hasBias)),
        ]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1 + (hasScale ? 1 : 0) + (hasBias ? 1 : 0))
        let x = operands[0]
        guard (0...x.rank).contains(axis), x.element.isFloatingPoint else {
            throw Diagnostic(
                "type.axes", "layer normalisation from axis \(axis) on does not fit \(x.element.name) of rank \(x.rank)"
            )
        }
        for (position, parameter) in operands.enumerated().dropFirst() {
            try checkParameter(parameter, x, position == 1 && hasScale ? "scale" : "bias", scope)
        }
        let reduced = TensorType(stash, x.shape.enumerated().map { $0.offset < axis ? $0.element : 1 })
        return [x, reduced, reduced]
    }

    /// A parameter broadcasts to x from the right.
    private func checkParameter(
        _ parameter: TensorType, _ x: TensorType, _ what: String, _ scope: any TypeScope
    ) throws {
        guard parameter.element == x.element, parameter.rank <= x.rank else {
            throw Diagnostic(
                "type.elements",
                "the \(what) is \(parameter.element.name) of rank \(parameter.rank), "
                    + "x is \(x.element.name) of rank \(x.rank)")
        }
        for (own, other) in zip(parameter.shape.reversed(), x.shape.reversed()) where own.constant != 1 {
            try scope.require(own, equals: other, "an axis of the \(what) and of x in layer normalisation")
        }
    }

    public func body(_ operands: [Tensor]) throws -> [Tensor] {
        let type = try operands[0].element
        let axes = Array(axis..<(try operands[0].rank))
        let x = try operands[0].cast(to: stash)
        let mean = try x.mean(axes: axes, keepingAxes: true)
        let centred = x - mean
        let variance = try (centred * centred).mean(axes: axes, keepingAxes: true)
        let inverse = try (1 / (variance + epsilon).mapped(.sqrt)).checked()
        var result = try (centred * inverse).cast(to: type)
        if hasScale { result = try Tensor.elementwise(.mul, [result, operands[1]]) }
        if hasBias { result = try Tensor.elementwise(.add, [result, operands[operands.count - 1]]) }
        return [result, mean, inverse]
    }
}
