import MartletCore
public import MartletIR

/// A function of two vectors.
public struct VectorKernel: Sendable {
    /// Which function.
    public enum Kind: String, Sendable {
        /// x·y.
        case linear = "LINEAR"
        /// (γ x·y + c)^d.
        case polynomial = "POLY"
        /// exp(-γ |x - y|²).
        case radial = "RBF"
        /// tanh(γ x·y + c).
        case sigmoid = "SIGMOID"
    }

    public var kind: Kind
    public var gamma: Double
    public var offset: Double
    public var degree: Double

    /// Makes a kernel of parameters γ, c and d, which are 0 where left out.
    public init(_ kind: Kind, parameters: [Double]) {
        self.kind = kind
        let all = parameters + [0, 0, 0]
        (gamma, offset, degree) = (all[0], all[1], all[2])
    }

    /// The kernel of all rows of `x` (rows, features) with `vectors` (count, features): (rows, count).
    func callAsFunction(_ x: Tensor, _ vectors: Tensor) throws -> Tensor {
        if kind == .radial {
            let shape = [try x.shape[0], try vectors.shape[0], try x.shape[1]]
            let distance = try x.broadcast(to: shape, axes: [0, 2]) - vectors.broadcast(to: shape, axes: [1, 2])
            let square = try (distance * distance).reduced(.sum, axes: [2])
            return try (square * -gamma).mapped(.exp)
        }
        let product = try x.contracted(with: vectors, contracted: [(1, 1)])
        switch kind {
        case .linear, .radial: return product
        case .polynomial: return try (product * gamma + offset).mapped(.pow, .constant(degree, like: x))
        case .sigmoid: return try (product * gamma + offset).mapped(.tanh)
        }
    }
}

/// A machine of support vectors.
public struct SupportVectors: Sendable {
    public var kernel: VectorKernel
    /// Vectors (count, features) in row-major order; without any the machine is linear.
    public var vectors: [Double]
    public var count: Int
    public var coefficients: [Double]
    public var rho: [Double]

    /// Describes a machine.
    public init(_ kernel: VectorKernel, vectors: [Double], count: Int, coefficients: [Double], rho: [Double]) throws {
        guard !coefficients.isEmpty, !rho.isEmpty, count >= 0, count == 0 ? true : vectors.count % count == 0 else {
            throw Diagnostic("type.svm", "the support vectors, coefficients or rho do not fit each other")
        }
        (self.kernel, self.vectors, self.count) = (kernel, vectors, count)
        (self.coefficients, self.rho) = (coefficients, rho)
    }

    /// One value for each row of features: (rows, 1).
    public func regression(_ x: Tensor, oneClass isOneClass: Bool) throws -> Tensor {
        let rows = try x.featureRows()
        let weights = try matrix(coefficients, rows: 1)
        let features = count > 0 ? try kernel(rows, matrix(vectors, rows: count)) : rows
        let value = try (features.contracted(with: weights, contracted: [(1, 1)]) + rho[0]).checked()
        guard isOneClass else { return value }
        let isInside = try value.compared(.gt, .constant(0, like: value))
        return try Tensor.select(isInside, .constant(1, like: value), .constant(-1, like: value))
    }

    func matrix(_ values: [Double], rows: Int) throws -> Tensor {
        Tensor(try HostTensor.fromDoubles(values, as: .float32, shape: [rows, values.count / max(rows, 1)]))
    }
}
