import MartletCore

/// Plain evaluation of `sort`.
enum SortEvaluation {
    /// The first `count` elements along `axis` in order, and their positions.
    ///
    /// - Throws: `run.sort-count` unless `0 <= count <= extent`.
    static func sort(_ tensor: HostTensor, axis: Int, descending: Bool, count: Int) throws -> [HostTensor] {
        let extent = tensor.shape[axis]
        guard (0...extent).contains(count) else {
            throw Diagnostic("run.sort-count", "\(count) elements are asked for along an axis of \(extent)")
        }
        var shape = tensor.shape
        shape[axis] = count
        let total = try HostTensor.size(of: .int64, shape).count
        let keys = try OrderKeys(tensor, nan: .greatest).keys
        let inner = AxisOffsets.strides(of: tensor.shape)[axis]
        var sources = [Int](repeating: 0, count: total)
        var positions = [Int64](repeating: 0, count: total)
        if total > 0 {
            for line in 0..<total / count {
                let (outer, offset) = line.quotientAndRemainder(dividingBy: inner)
                let first = outer * extent * inner + offset
                let order = order(keys, first: first, step: inner, extent: extent, descending: descending)
                for (rank, position) in order.prefix(count).enumerated() {
                    let target = (outer * count + rank) * inner + offset
                    sources[target] = first + Int(position) * inner
                    positions[target] = Int64(position)
                }
            }
        }
        return [
            try ElementBits.take(tensor, sources, shape: shape),
            try HostTensor.fromInts(positions, as: .int64, shape: shape),
        ]
    }

    /// Positions along one line in the order of their keys, equal ones ascending.
    private static func order(
        _ keys: [Int64], first: Int, step: Int, extent: Int, descending: Bool
    ) -> [Int] {
        // The complement reverses the order without overflow.
        let line = (0..<extent).map { position in
            (key: descending ? ~keys[first + position * step] : keys[first + position * step], position: position)
        }
        return line.sorted { $0.key != $1.key ? $0.key < $1.key : $0.position < $1.position }.map(\.position)
    }
}
