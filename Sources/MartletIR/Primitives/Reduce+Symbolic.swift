public import MartletCore

extension Reduce {
    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        guard operands.count == 1, let values = operands[0].values, let shape = operands[0].type.staticShape,
            let positions = try? HostTensor(values.indices.map { Int64($0) }, shape: shape)
        else { return nil }
        let kept = shape.indices.filter { !axes.contains($0) }
        guard let rows = try? ViewEvaluation.transpose(positions, kept + axes).ints() else { return nil }
        let length = axes.reduce(1) { $0 * shape[$1] }
        let count = kept.reduce(1) { $0 * shape[$1] }
        var results: [IntExpr] = []
        for row in 0..<count {
            let elements = rows[row * length..<(row + 1) * length].map { values[Int($0)] }
            guard let result = combined(elements) else { return nil }
            results.append(result)
        }
        return results
    }

    private func combined(_ elements: [IntExpr]) -> IntExpr? {
        switch combiner {
        case .sum: return elements.reduce(0, +)
        case .prod: return elements.reduce(1, *)
        case .max: return elements.first.map { elements.dropFirst().reduce($0, IntExpr.max) }
        case .min: return elements.first.map { elements.dropFirst().reduce($0, IntExpr.min) }
        case .and, .or: return nil
        }
    }
}
