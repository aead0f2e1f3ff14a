import MartletCore
public import MartletIR

/// A classifier that lets machines of support vectors decide between each two classes.
public struct SupportVectorClassifier: Sendable {
    public var machine: SupportVectors
    /// How many of the vectors, in order, belong to each class.
    public var vectorsPerClass: [Int]
    /// Parameters of the probability of the first of two classes, 1 / (1 + exp(a·score + b)), for each pair; or none.
    public var probabilities: (a: [Double], b: [Double])
    public var labels: [Int]
    public var transform: ScoreTransform

    /// Describes a classifier.
    public init(
        _ machine: SupportVectors, vectorsPerClass: [Int], probabilities: (a: [Double], b: [Double]), labels: [Int],
        transform: ScoreTransform
    ) throws {
        let classes = labels.count
        let pairs = classes * (classes - 1) / 2
        let isLinear = machine.count == 0
        guard classes > 0, classes < 1 << 12, vectorsPerClass.allSatisfy({ $0 >= 0 }),
            isLinear
                || (vectorsPerClass.count == classes
                    && machine.coefficients.count >= (classes - 1) * machine.count && machine.rho.count >= pairs),
            !isLinear || machine.coefficients.count % classes == 0,
            probabilities.a.count == probabilities.b.count, probabilities.a.isEmpty || probabilities.a.count >= pairs
        else { throw Diagnostic("type.svm", "the lists of the classifier do not fit \(classes) classes") }
        (self.machine, self.vectorsPerClass, self.probabilities) = (machine, vectorsPerClass, probabilities)
        (self.labels, self.transform) = (labels, transform)
    }

    /// Pairs of classes in order.
    private var pairs: [(Int, Int)] {
        labels.indices.flatMap { first in labels.indices.filter { $0 > first }.map { (first, $0) } }
    }

    /// The label of the best class of each row, and scores: of the classes if there are probabilities or the machine is
    /// linear, else of the pairs (both signs for two classes).
    public func callAsFunction(_ x: Tensor) throws -> (labels: Tensor, scores: Tensor) {
        let rows = try x.featureRows()
        if machine.count == 0 {
            let weights = try machine.matrix(machine.coefficients, rows: labels.count)
            let scores = try (rows.contracted(with: weights, contracted: [(1, 1)]) + machine.rho[0]).checked()
            return (try scores.bestLabels(labels), try scores.scores(transform))
        }
        let decisions = try decisions(rows)
        let votes = try votes(decisions)
        let best = try votes.bestLabels(labels)
        if !probabilities.a.isEmpty { return (best, try classProbabilities(decisions).scores(transform)) }
        if labels.count == 2 { return (best, try decisions.pairedScores(transform, areShares: transform != .none)) }
        return (best, try decisions.scores(transform))
    }

    /// One score for each pair of classes, positive for the first one: (rows, pairs).
    private func decisions(_ rows: Tensor) throws -> Tensor {
        let count = machine.count
        var starts: [Int] = [0]
        for size in vectorsPerClass { starts.append(starts[starts.count - 1] + size) }
        guard starts[starts.count - 1] <= count else {
            throw Diagnostic("type.svm", "the classes have more vectors than there are")
        }
        var weights = [Double](repeating: 0, count: pairs.count * count)
        for (row, (first, second)) in pairs.enumerated() {
            for vector in starts[first]..<starts[first + 1] {
                weights[row * count + vector] = machine.coefficients[(second - 1) * count + vector]
            }
            for vector in starts[second]..<starts[second + 1] {
                weights[row * count + vector] = machine.coefficients[first * count + vector]
            }
        }
        let kernels = try machine.kernel(rows, machine.matrix(machine.vectors, rows: count))
        let sums = try kernels.contracted(with: machine.matrix(weights, rows: pairs.count), contracted: [(1, 1)])
        return try (sums + vector(machine.rho)).checked()
    }

    private func vector(_ values: [Double]) throws -> Tensor {
        Tensor(try HostTensor.fromDoubles(Array(values.prefix(pairs.count)), as: .float32, shape: [pairs.count]))
    }

    /// How many pairs each class wins: (rows, classes).
    private func votes(_ decisions: Tensor) throws -> Tensor {
        let classes = labels.count
        // A win of the first class moves one vote from the second.
        var moves = [Double](repeating: 0, count: pairs.count * classes)
        var start = [Double](repeating: 0, count: classes)
        for (row, (first, second)) in pairs.enumerated() {
            moves[row * classes + first] = 1
            moves[row * classes + second] = -1
            start[second] += 1
        }
        let wins = try decisions.compared(.gt, .constant(0, like: decisions)).cast(to: .float32)
        let sums = try wins.contracted(with: machine.matrix(moves, rows: pairs.count), contracted: [(1, 0)])
        return try (sums + Tensor(HostTensor.fromDoubles(start, as: .float32, shape: [classes]))).checked()
    }

    /// Probabilities of the classes that fit those of the pairs best (Wu, Lin and Weng, 2004, second method).
    private func classProbabilities(_ decisions: Tensor) throws -> Tensor {
        let exponent = try decisions * vector(probabilities.a) + vector(probabilities.b)
        let first = try (-exponent).sigmoid()
            .mapped(.max, .constant(1e-7, like: decisions)).mapped(.min, .constant(1 - 1e-7, like: decisions))
        return try PairwiseCoupling(first, classes: labels.count).solved()
    }
}

/// Finds probabilities of classes from those of the first class of each pair.
private struct PairwiseCoupling {
    /// Entry (t, j) of the quadratic form, one value a row.
    private let form: [[Tensor]]
    private let classes: Int

    init(_ first: Tensor, classes: Int) throws {
        self.classes = classes
        let ones = try Tensor.constant(1, like: first)
        var shares = [[Tensor]](repeating: Array(repeating: ones, count: classes), count: classes)
        var column = 0
        for a in 0..<classes {
            for b in 0..<classes where b > a {
                shares[a][b] = try first.sliced(axis: 1, start: IntExpr(column), size: 1).squeezed(axes: [1])
                shares[b][a] = try (1 - shares[a][b]).checked()
                column += 1
            }
        }
        form = try (0..<classes).map { t in
            try (0..<classes).map { j in
                if t != j { return try (-(shares[j][t] * shares[t][j])).checked() }
                let others = (0..<classes).filter { $0 != t }.map { shares[$0][t] * shares[$0][t] }
                return try others.dropFirst().reduce(others.first ?? ones) { $0 + $1 }.checked()
            }
        }
    }

    func solved() throws -> Tensor {
        if classes == 1 { return try form[0][0].broadcast(to: [1, 1], axes: []) }
        let start = try form[0].map { entry in
            try Tensor.constant(1 / Double(classes), like: entry).broadcast(to: entry.shape, axes: [])
        }
        let turns = IntExpr(Swift.max(100, classes))
        let result = try Tensor.loop(trip: turns, condition: nil, states: start, scanned: []) { _, states, _ in
            (nil, try improved(states), [])
        }
        return try Tensor.concatenate(result.states.map { try $0.unsqueezed(axes: [1]) }, axis: 1)
    }

    /// One sweep; rows that are good enough stay as they are.
    private func improved(_ start: [Tensor]) throws -> [Tensor] {
        var p = start
        func sum(_ terms: [Tensor]) -> Tensor { terms.dropFirst().reduce(terms[0]) { $0 + $1 } }
        var product = (0..<classes).map { t in sum((0..<classes).map { form[t][$0] * p[$0] }) }
        var energy = sum((0..<classes).map { p[$0] * product[$0] })
        let errors = try product.map { try ($0 - energy).mapped(.abs) }
        let worst = try errors.dropFirst().reduce(errors[0]) { try $0.mapped(.max, $1) }
        let isDone = try worst.compared(.lt, .constant(0.005 / Double(classes), like: worst))
        for t in 0..<classes {
            let step = (energy - product[t]) / form[t][t]
            let scale = 1 + step
            energy = (energy + step * (step * form[t][t] + product[t] * 2)) / (scale * scale)
            p[t] = p[t] + step
            for j in 0..<classes {
                product[j] = (product[j] + step * form[t][j]) / scale
                p[j] = p[j] / scale
            }
        }
        return try zip(start, p).map { try Tensor.select(isDone, $0, $1) }
    }
}
