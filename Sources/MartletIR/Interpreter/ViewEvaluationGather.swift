import MartletCore

extension ViewEvaluation {
    /// Element `(j, r)` of the result is the element of `x` with coordinate `indices[m][j]` on axis `axes[m]` and `r` on
    /// the other axes.
    ///
    /// - Throws: `run.index-range` for an index out of range in mode `check`, and in `clamp` where there is nothing to read.
    static func gather(
        _ x: HostTensor, _ indices: [HostTensor], axes: [Int], mode: Gather.Mode, fill: HostTensor?,
        in context: any EvaluationContext
    ) throws -> HostTensor {
        let rest = x.shape.indices.filter { !axes.contains($0) }
        let front = try transpose(x, axes + rest)
        guard let indexShape = indices.first?.shape, indices.allSatisfy({ $0.shape == indexShape }) else {
            throw Diagnostic("run.gather", "index tensors differ in shape: \(indices)")
        }
        let shape = indexShape + rest.map { x.shape[$0] }
        if shape.contains(0) { return try empty(x.type, shape) }
        let rows = try rowNumbers(x.shape, indices, axes, mode, context)
        let rowLength = rest.reduce(1) { $0 * x.shape[$1] }
        if x.type == .string { return try gatherStrings(front.strings, rows, rowLength, fill, shape) }
        if x.type.isPacked {
            let bytes = try gatherRows(try unpacked(front), rows, rowLength, try fill.map(unpacked), shape)
            return try packed(bytes, as: x.type)
        }
        return try gatherRows(front, rows, rowLength, fill, shape)
    }

    /// The linear position within the gathered axes for each index point; -1 where the fill value stands.
    private static func rowNumbers(
        _ shape: [Int], _ indices: [HostTensor], _ axes: [Int], _ mode: Gather.Mode, _ context: any EvaluationContext
    ) throws -> [Int] {
        var rows = [Int](repeating: 0, count: indices[0].count)
        for (position, tensor) in indices.enumerated() {
            let axis = IndexedAxis(
                operand: 1 + position, axis: axes[position], extent: shape[axes[position]], context: context)
            for (point, index) in try tensor.ints().enumerated() {
                guard let valid = coordinate(Int(index), axis.extent, mode) else {
                    throw axis.failure(index, tensor.type)
                }
                if rows[point] >= 0 { rows[point] = valid < 0 ? -1 : rows[point] * axis.extent + valid }
            }
        }
        return rows
    }

    /// The index made valid; -1 for fill; nil for an error.
    private static func coordinate(_ index: Int, _ extent: Int, _ mode: Gather.Mode) -> Int? {
        if index >= 0, index < extent { return index }
        switch mode {
        case .fill: return -1
        case .clamp: return extent == 0 ? nil : Swift.min(Swift.max(index, 0), extent - 1)
        case .check: return nil
        }
    }

    private static func gatherRows(
        _ front: HostTensor, _ rows: [Int], _ length: Int, _ fill: HostTensor?, _ shape: [Int]
    ) throws -> HostTensor {
        switch front.type.bitWidth {
        case 8: return try gatherRows(UInt8.self, front, rows, length, fill, shape)
        case 16: return try gatherRows(UInt16.self, front, rows, length, fill, shape)
        case 32: return try gatherRows(UInt32.self, front, rows, length, fill, shape)
        case 64: return try gatherRows(UInt64.self, front, rows, length, fill, shape)
        default: return try gatherRows(SIMD2<UInt64>.self, front, rows, length, fill, shape)
        }
    }

    private static func gatherRows<T: BitwiseCopyable>(
        _ type: T.Type, _ front: HostTensor, _ rows: [Int], _ length: Int, _ fill: HostTensor?, _ shape: [Int]
    ) throws -> HostTensor {
        let result = try ResultBuffer(front.type, shape)
        let width = MemoryLayout<T>.size
        try withExtendedLifetime((front, fill)) {
            let filler = fill?.start?.loadUnaligned(as: T.self)
            for (position, row) in rows.enumerated() {
                let target = result.start + position * length * width
                if row >= 0, let source = front.start {
                    target.copyMemory(from: source + row * length * width, byteCount: length * width)
                } else {
                    guard let filler else { throw Diagnostic("run.gather", "gather has no fill value") }
                    for k in 0..<length { target.storeBytes(of: filler, toByteOffset: k * width, as: T.self) }
                }
            }
        }
        return try result.tensor()
    }

    private static func gatherStrings(
        _ strings: [String], _ rows: [Int], _ length: Int, _ fill: HostTensor?, _ shape: [Int]
    ) throws -> HostTensor {
        var result: [String] = []
        let filler = [String](repeating: fill?.strings.first ?? "", count: length)
        for row in rows { result += row < 0 ? filler : Array(strings[row * length..<(row + 1) * length]) }
        return try HostTensor(strings: result, shape: shape)
    }
}
