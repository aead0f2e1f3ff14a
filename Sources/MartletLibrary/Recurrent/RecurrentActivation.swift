import MartletCore
public import MartletIR

/// A function that a recurrent layer applies to its gates.
public struct RecurrentActivation: Sendable, Hashable {
    /// The functions, by their names in ONNX.
    public enum Kind: String, Sendable, CaseIterable {
        case relu, tanh, sigmoid, affine, leakyrelu, thresholdedrelu, scaledtanh, hardsigmoid, elu, softsign, softplus

        /// Default parameters, as ONNX states them.
        var defaults: (alpha: Double, beta: Double) {
            switch self {
            case .affine, .scaledtanh: (1, self == .affine ? 0 : 1)
            case .leakyrelu: (0.01, 0)
            case .thresholdedrelu, .elu: (1, 0)
            case .hardsigmoid: (0.2, 0.5)
            default: (0, 0)
            }
        }

        /// How many parameters the function has: alpha, then beta.
        public var parameterCount: Int {
            switch self {
            case .relu, .tanh, .sigmoid, .softsign, .softplus: 0
            case .leakyrelu, .thresholdedrelu, .elu: 1
            case .affine, .scaledtanh, .hardsigmoid: 2
            }
        }
    }

    public let kind: Kind
    private let alpha: Double, beta: Double

    /// A function with its parameters, or their defaults.
    public init(_ kind: Kind, alpha: Double? = nil, beta: Double? = nil) {
        self.kind = kind
        self.alpha = alpha ?? kind.defaults.alpha
        self.beta = beta ?? kind.defaults.beta
    }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        switch kind {
        case .relu: try x.relu()
        case .tanh: try x.mapped(.tanh)
        case .sigmoid: try x.sigmoid()
        case .affine: try (x * alpha + beta).checked()
        case .leakyrelu: try x.leakyRelu(alpha: alpha)
        case .thresholdedrelu: try x.thresholdedRelu(alpha: alpha)
        case .scaledtanh: try ((x * beta).mapped(.tanh) * alpha).checked()
        case .hardsigmoid: try x.hardSigmoid(alpha: alpha, beta: beta)
        case .elu: try x.elu(alpha: alpha)
        case .softsign: try x.softsign()
        case .softplus: try x.softplus()
        }
    }
}
