public import MartletCore
public import MartletIR

extension Tensor {
    /// Root mean square normalisation over the axes from `axis` on: x / √(mean of x² + epsilon) · scale.
    ///
    /// - Parameter stash: element type in which x is normalised, before the product with the scale.
    /// - Returns: a tensor of the scale's element type.
    public func rmsNormalized(
        axis: Int, scale: Tensor, epsilon: Double, stash: ElementType = .float32
    ) throws -> Tensor {
        try Tensor.apply(RMSNormalization(axis: axis, epsilon: epsilon, stash: stash), self, scale)
    }
}

/// The kept call of root mean square normalisation (Zhang and Sennrich, 2019, arXiv:1910.07467).
///
/// Operands: x, and the scale, which broadcasts to x. The result has the scale's element type.
public struct RMSNormalization: KeptFunction {
    public static let name = "rms_normalization"
    /// First of the normalised axes, which go on to the last.
    public let axis: Int
    public let epsilon: Double
    /// Element type in which x is normalised.
    public let stash: ElementType

    /// Makes the call.
    public init(axis: Int, epsilon: Double, stash: ElementType) {
        self.axis = axis
        self.epsilon = epsilon
        self.stash = stash
    }

    public init(_ attributes: AttributeReader) throws {
        guard let epsilon = Double(try attributes.word("epsilon")) else {
            throw Diagnostic("text.attribute", "'epsilon' is no number")
        }
        self.init(axis: try attributes.int("axis"), epsilon: epsilon, stash: try attributes.type("stash"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("axis", .int(axis)), Attribute("epsilon", .text("\(epsilon)")),
            Attribute("stash", .type(stash)),
        ]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 2)
        let (x, scale) = (operands[0], operands[1])
        guard (0...x.rank).contains(axis), x.element.isFloatingPoint, scale.element.isFloatingPoint,
            scale.rank <= x.rank
        else {
            throw Diagnostic(
                "type.axes",
                "a norm from axis \(axis) on, with a scale \(scale.element.name) of rank \(scale.rank), does not fit "
                    + "\(x.element.name) of rank \(x.rank)")
        }
        for (own, other) in zip(scale.shape.reversed(), x.shape.reversed()) where own.constant != 1 {
            try scope.require(own, equals: other, "an axis of the scale and of x in a norm")
        }
        return [x.with(element: scale.element)]
    }

    public func body(_ operands: [Tensor]) throws -> [Tensor] {
        let (type, scale) = (try operands[0].element, operands[1])
        let x = try operands[0].cast(to: stash)
        let square = try (x * x).mean(axes: Array(axis..<x.rank), keepingAxes: true)
        let normal = try (x * (1 / (square + epsilon).mapped(.sqrt))).checked()
        return [try Tensor.elementwise(.mul, [normal.cast(to: type).cast(to: scale.element), scale])]
    }
}

// MARK: - Spelled-out forms

extension RMSNormalization {
    /// The norm as ONNX defines it and as language models spell it out, computed in a wider type or not.
    public static let spelledForms: SpelledForms? = SpelledForms(around: { ($0 as? Reduce)?.combiner == .sum }) {
        seed in
        NormPlace.all(around: seed).filter { !$0.flattensParameters }.flatMap { place in
            NormQuotient.allCases.map { quotient in
                SpelledForm(
                    operands: [place.operand, place.parameter], constants: [place.summed.element],
                    call: { RMSNormalization(axis: place.axis, epsilon: $0.first ?? 0, stash: place.summed.element) },
                    body: { inputs in
                        let x = try place.prepared(inputs[0])
                        let square = try (x * x).mean(axes: place.axes, keepingAxes: true)
                        let root = try Tensor.elementwise(.add, [square, inputs[2]]).mapped(.sqrt)
                        let normal = try quotient(x, by: root).cast(to: place.operand.element)
                        return try Tensor.elementwise(.mul, [normal, inputs[1]])
                    })
            }
        }
    }
}
