import MartletCore

/// Plain evaluation of `cumulate` and `arg_reduce`.
enum ScanEvaluation {
    // MARK: Running combinations

    /// The running combination along `axis`, in a wide type, each element rounded once.
    static func cumulate(_ tensor: HostTensor, _ combiner: Combiner, axis: Int) throws -> HostTensor {
        let extent = tensor.shape[axis]
        let inner = AxisOffsets.strides(of: tensor.shape)[axis]
        if tensor.type.isFloatingPoint {
            var values = try tensor.doubles()
            run(&values, extent: extent, inner: inner, combine(combiner))
            return try HostTensor.fromDoubles(values, as: tensor.type, shape: tensor.shape)
        }
        var values = try tensor.ints()
        run(&values, extent: extent, inner: inner, combine(combiner, unsigned: tensor.type == .uint64))
        return try HostTensor.fromInts(values, as: tensor.type, shape: tensor.shape)
    }

    private static func run<T>(_ values: inout [T], extent: Int, inner: Int, _ combine: (T, T) -> T) {
        guard extent > 1 else { return }
        for outer in stride(from: 0, to: values.count, by: extent * inner) {
            for position in outer + inner..<outer + extent * inner {
                values[position] = combine(values[position - inner], values[position])
            }
        }
    }

    /// NaN in gives NaN out.
    private static func combine(_ combiner: Combiner) -> (Double, Double) -> Double {
        switch combiner {
        case .sum: { $0 + $1 }
        case .prod: { $0 * $1 }
        case .max: { $1.isNaN || $1 > $0 ? $1 : $0 }
        case .min: { $1.isNaN || $1 < $0 ? $1 : $0 }
        case .and: { $0 != 0 && $1 != 0 ? 1 : 0 }
        case .or: { $0 != 0 || $1 != 0 ? 1 : 0 }
        }
    }

    private static func combine(_ combiner: Combiner, unsigned: Bool) -> (Int64, Int64) -> Int64 {
        // Flipping the sign bit turns the order of unsigned numbers into that of signed ones.
        let flip: Int64 = unsigned ? .min : 0
        return switch combiner {
        case .sum: { $0 &+ $1 }
        case .prod: { $0 &* $1 }
        case .max: { $0 ^ flip > $1 ^ flip ? $0 : $1 }
        case .min: { $0 ^ flip < $1 ^ flip ? $0 : $1 }
        case .and: { $0 & $1 }
        case .or: { $0 | $1 }
        }
    }

    // MARK: Positions of extremes

    /// Row-major positions, within `axes`, of the extremes.
    ///
    /// - Throws: `run.empty-axis` where there is nothing to choose from.
    static func extremePositions(
        _ tensor: HostTensor, maximum: Bool, axes: [Int], lastTie: Bool
    ) throws -> HostTensor {
        let kept = AxisOffsets.others(than: axes, rank: tensor.shape.count)
        let starts = AxisOffsets.offsets(of: kept, in: tensor.shape)
        let steps = AxisOffsets.offsets(of: axes, in: tensor.shape)
        guard !steps.isEmpty || starts.isEmpty else {
            throw Diagnostic("run.empty-axis", "the position of an extreme is asked for among no elements")
        }
        let order = try OrderKeys(tensor, nan: maximum ? .greatest : .least)
        let positions = starts.map { start in
            Int64(extreme(order, start, steps, maximum: maximum, lastTie: lastTie))
        }
        return try HostTensor.fromInts(positions, as: .int64, shape: kept.map { tensor.shape[$0] })
    }

    private static func extreme(
        _ order: OrderKeys, _ start: Int, _ steps: [Int], maximum: Bool, lastTie: Bool
    ) -> Int {
        var best = 0
        var bestKey = order.keys[start + steps[0]]
        for position in 1..<max(steps.count, 1) {
            if bestKey == order.nan { break }
            let key = order.keys[start + steps[position]]
            let isBetter = maximum ? key > bestKey : key < bestKey
            if isBetter || (lastTie && key == bestKey) { (best, bestKey) = (position, key) }
        }
        return best
    }
}
