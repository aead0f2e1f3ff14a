import MartletCore
public import MartletIR

extension Tensor {
    /// x · Φ(x) with the normal distribution function Φ; with `tanh` by its approximation
    /// (Hendrycks and Gimpel, 2016).
    public func gelu(tanh isApproximate: Bool = false) throws -> Tensor {
        try Tensor.apply(Gelu(isApproximate: isApproximate), self)
    }
}

/// The kept call of the Gaussian error linear unit (Hendrycks and Gimpel, 2016, arXiv:1606.08415).
public struct Gelu: KeptFunction {
    public static let name = "gelu"
    /// Whether Φ is approximated by tanh.
    public let isApproximate: Bool

    /// Makes the call.
    public init(isApproximate: Bool) { self.isApproximate = isApproximate }
    public init(_ attributes: AttributeReader) throws { self.init(isApproximate: try attributes.flag("tanh")) }
    public var attributes: [Attribute] { [Attribute("tanh", .flag(isApproximate))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard operands[0].element.isFloatingPoint else {
            throw Diagnostic("type.elements", "gelu does not take \(operands[0].element.name)")
        }
        return operands
    }

    public func body(_ operands: [Tensor]) throws -> [Tensor] {
        [
            try operands[0].inWideType { x in
                if isApproximate {
                    let inner = (x + (x * x * x) * Self.cubeFactor) * Self.innerFactor
                    return try (x * 0.5) * (1 + inner.mapped(.tanh))
                }
                return try (x * 0.5) * (1 + (x * 0.5.squareRoot()).mapped(.erf))
            }
        ]
    }

    fileprivate static let cubeFactor = 0.044715
    /// √(2/π).
    fileprivate static let innerFactor = 0.7978845608028654
}

// MARK: - Spelled-out forms

extension Gelu {
    /// x · ½ · (1 + erf(x / √2)) and its approximation, with the factors in any order. Types narrower than float32 are
    /// left alone: spelled out, each step rounds.
    public static let spelledForms: SpelledForms? = SpelledForms(around: { argument(of: $0) != nil }) { seed in
        guard let function = argument(of: seed.operation), let type = seed.types.first, type.element.isWideFloat else {
            return []
        }
        let arguments =
            function == .erf ? [rootQuotient, rootProduct] : [powerPolynomial, productPolynomial, nestedPolynomial]
        return arguments.flatMap { argument in
            [halfFirst, halfBetween, halfLast].map { product in
                SpelledForm(operands: [type], call: { _ in Gelu(isApproximate: function == .tanh) }) { inputs in
                    try product(inputs[0], try argument(inputs[0]).mapped(function) + 1).checked()
                }
            }
        }
    }

    private static func argument(of operation: any MartletIR.Operation) -> ScalarOp? {
        guard let function = (operation as? Map)?.function, function == .erf || function == .tanh else { return nil }
        return function
    }

    private static func rootQuotient(_ x: Tensor) throws -> Tensor { x / 2.0.squareRoot() }
    private static func rootProduct(_ x: Tensor) throws -> Tensor { x * 0.5.squareRoot() }

    private static func powerPolynomial(_ x: Tensor) throws -> Tensor {
        try (x + x.mapped(.pow, .constant(3, like: x)) * cubeFactor) * innerFactor
    }

    private static func productPolynomial(_ x: Tensor) throws -> Tensor {
        (x + (x * x * x) * cubeFactor) * innerFactor
    }

    private static func nestedPolynomial(_ x: Tensor) throws -> Tensor {
        (x + x * (x * (x * cubeFactor))) * innerFactor
    }

    private static func halfFirst(_ x: Tensor, _ factor: Tensor) -> Tensor { (x * 0.5) * factor }
    private static func halfBetween(_ x: Tensor, _ factor: Tensor) -> Tensor { x * (factor * 0.5) }
    private static func halfLast(_ x: Tensor, _ factor: Tensor) -> Tensor { (x * factor) * 0.5 }
}
