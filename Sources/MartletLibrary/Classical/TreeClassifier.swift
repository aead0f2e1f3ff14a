import MartletCore
public import MartletIR

extension DecisionTrees {
    /// The label of the best class of each row, and the scores of all classes.
    ///
    /// Where all votes are for one of two classes, they speak for the second one: against the first if the sum is above
    /// 0, or above ½ if there are no negative votes.
    public func classes(
        _ x: Tensor, labels: [Int], base: [Double], transform: ScoreTransform
    ) throws -> (labels: Tensor, scores: Tensor) {
        let sums = try self(x, .sum).cast(to: .float32)
        if labels.count == 2, Set(votes.map(\.target)).count <= 1 {
            return try pairClasses(sums, labels, base, transform)
        }
        var scores = sums
        if !base.isEmpty {
            guard base.count == targets else {
                throw Diagnostic("type.trees", "\(base.count) base values for \(targets) classes")
            }
            scores = try (sums + Tensor(HostTensor.fromDoubles(base, as: .float32, shape: [targets]))).checked()
        }
        return (try scores.bestLabels(labels), try scores.scores(transform))
    }

    private func pairClasses(
        _ sums: Tensor, _ labels: [Int], _ base: [Double], _ transform: ScoreTransform
    ) throws -> (labels: Tensor, scores: Tensor) {
        var score = try sums.sliced(axis: 1, start: IntExpr(votes.first?.target ?? 0), size: 1)
        if let own = base.last { score = score + own }
        let areShares = votes.allSatisfy { $0.weight >= 0 }
        let isSecond = try score.squeezed(axes: [1]).compared(.gt, Tensor(areShares ? 0.5 : 0, as: .float32))
        let chosen = try Tensor.select(isSecond, .number(labels[1]), .number(labels[0]))
        // Votes for the second class by its own number leave the first one without any.
        if votes.first?.target == 1 {
            let none = score * 0
            return (chosen, try Tensor.concatenate([none.checked(), score], axis: 1).scores(transform))
        }
        return (chosen, try score.pairedScores(transform, areShares: areShares))
    }
}
