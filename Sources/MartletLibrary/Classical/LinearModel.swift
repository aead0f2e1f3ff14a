import MartletCore
public import MartletIR

/// A linear function with several results, and what follows it.
public struct LinearModel: Sendable {
    /// Weights (results, features) in row-major order.
    public var coefficients: [Double]
    /// Added to the results; none or one each.
    public var intercepts: [Double]
    /// Number of results.
    public var results: Int
    public var transform: ScoreTransform

    /// Describes a model.
    ///
    /// - Throws: `type.linear-model` if the lists do not fit each other.
    public init(coefficients: [Double], intercepts: [Double], results: Int, transform: ScoreTransform) throws {
        guard results > 0, !coefficients.isEmpty, coefficients.count % results == 0,
            intercepts.isEmpty || intercepts.count == results
        else {
            throw Diagnostic(
                "type.linear-model",
                "\(coefficients.count) coefficients and \(intercepts.count) intercepts for \(results) results")
        }
        (self.coefficients, self.intercepts) = (coefficients, intercepts)
        (self.results, self.transform) = (results, transform)
    }

    /// Results (rows, results), not transformed, for rows of features.
    func plain(_ x: Tensor) throws -> Tensor {
        let features = coefficients.count / results
        let weights = try HostTensor.fromDoubles(coefficients, as: .float32, shape: [results, features])
        let product = try x.featureRows().contracted(with: Tensor(weights), contracted: [(1, 1)])
        if intercepts.isEmpty { return product }
        let offsets = try HostTensor.fromDoubles(intercepts, as: .float32, shape: [results])
        return try (product + Tensor(offsets)).checked()
    }

    /// Results (rows, results) for rows of features.
    public func callAsFunction(_ x: Tensor) throws -> Tensor { try plain(x).scores(transform) }

    /// The label of the best class of each row, and the scores of all classes. One result stands for two classes: it is
    /// positive for the second one.
    public func classes(_ x: Tensor, labels: [Int]) throws -> (labels: Tensor, scores: Tensor) {
        let values = try plain(x)
        if results == 1 {
            let isSecond = try values.squeezed(axes: [1]).compared(.gt, .constant(0, like: values))
            let pair = labels.count == 2 ? labels : [0, 1]
            let chosen = try Tensor.select(isSecond, .number(pair[1]), .number(pair[0]))
            if transform == .probit { return (chosen, try values.scores(.probit)) }
            guard labels.count == 2 else { return (chosen, values) }
            return (chosen, try values.pairedScores(transform, areShares: transform != .logistic))
        }
        guard labels.count == results else {
            throw Diagnostic("type.linear-model", "\(labels.count) labels for \(results) classes")
        }
        return (try values.bestLabels(labels), try values.scores(transform))
    }
}

extension Tensor {
    /// Features as float32 (rows, features); a vector is one row.
    func featureRows() throws -> Tensor {
        let rows = try rank == 1 ? unsqueezed(axes: [0]) : self
        guard try rows.rank == 2 else { throw Diagnostic("type.rank", "features must be a matrix") }
        return try rows.cast(to: .float32)
    }

    /// The label of the largest score of each row.
    func bestLabels(_ labels: [Int]) throws -> Tensor {
        let table = Tensor(try HostTensor(labels.map { Int64($0) }, shape: [labels.count]))
        return try table.gathered([try argReduced(maximum: true, axes: [1])], axes: [0], mode: .check)
    }
}
