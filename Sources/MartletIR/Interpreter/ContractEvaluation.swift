import MartletCore

/// Plain evaluation of `contract`: every element is one sum in the order of the contracted axes, in a wide type.
enum ContractEvaluation {
    /// The contraction of two tensors, rounded once, or wrapped, to `result`.
    ///
    /// - Throws: `run.sizes-differ` where paired axes have different extents.
    static func contract(
        _ a: HostTensor, _ b: HostTensor, batch: [(Int, Int)], contracted: [(Int, Int)], result: ElementType
    ) throws -> HostTensor {
        for (left, right) in batch + contracted where a.shape[left] != b.shape[right] {
            throw Diagnostic(
                "run.sizes-differ",
                "axes \(left) and \(right) of a contraction have extents \(a.shape[left]) and \(b.shape[right])")
        }
        let left = Side(a.shape, batch: batch.map(\.0), contracted: contracted.map(\.0))
        let right = Side(b.shape, batch: batch.map(\.1), contracted: contracted.map(\.1))
        let shape = batch.map { a.shape[$0.0] } + left.freeShape + right.freeShape
        let depth = left.contracted.count
        if a.type.isFloatingPoint || WideProduct.isExactInDouble(a.type, b.type, depth: depth) {
            return try multiply(Double.self, a, b, left, right, result, shape)
        }
        return try multiply(Int64.self, a, b, left, right, result, shape)
    }

    /// Offsets of one operand's elements by the role of their axes.
    private struct Side {
        let batch: [Int]
        let free: [Int]
        let contracted: [Int]
        let freeShape: [Int]

        init(_ shape: [Int], batch: [Int], contracted: [Int]) {
            let others = AxisOffsets.others(than: batch + contracted, rank: shape.count)
            self.batch = AxisOffsets.offsets(of: batch, in: shape)
            self.contracted = AxisOffsets.offsets(of: contracted, in: shape)
            free = AxisOffsets.offsets(of: others, in: shape)
            freeShape = others.map { shape[$0] }
        }
    }

    private static func multiply<T: WideNumber>(
        _ wide: T.Type, _ a: HostTensor, _ b: HostTensor, _ left: Side, _ right: Side, _ result: ElementType,
        _ shape: [Int]
    ) throws -> HostTensor {
        // The shape is checked before memory for the sums is asked for.
        let count = try HostTensor.size(of: .float64, shape).count
        guard count > 0 else { return try HostTensor(zeros: result, shape: shape) }
        let (valuesA, valuesB) = (try T.read(a), try T.read(b))
        var sums = [T](repeating: .zero, count: count)
        let size = left.free.count * right.free.count
        for batch in 0..<left.batch.count {
            let rows = rowPanels(valuesA, left, batch)
            sums.withUnsafeMutableBufferPointer { sums in
                let target = UnsafeMutableBufferPointer(rebasing: sums[batch * size..<(batch + 1) * size])
                multiply(rows, valuesB, right, batch, left.free.count, target)
            }
        }
        return try T.tensor(sums, as: result, shape: shape)
    }

    /// Groups of four rows, element by element: `panels[row / 4 * depth + k][row % 4]`. Missing rows are zero.
    private static func rowPanels<T: WideNumber>(_ values: [T], _ side: Side, _ batch: Int) -> [SIMD4<T>] {
        let depth = side.contracted.count
        let count = (side.free.count + 3) / 4 * depth
        return [SIMD4<T>](unsafeUninitializedCapacity: count) { panels, initialized in
            fill(panels, values, side, batch, 0..<side.free.count)
            initialized = count
        }
    }

    /// Panels of some lines of one operand. The lines of all panels are read side by side: they often lie so in memory.
    private static func fill<T: WideNumber>(
        _ panels: UnsafeMutableBufferPointer<SIMD4<T>>, _ values: [T], _ side: Side, _ batch: Int, _ lines: Range<Int>
    ) {
        let depth = side.contracted.count
        let offsets = side.free[lines].map { side.batch[batch] + $0 }
        let whole = offsets.count / 4
        values.withUnsafeBufferPointer { values in
            for (k, step) in side.contracted.enumerated() {
                for panel in 0..<whole {
                    let (a, b) = (offsets[4 * panel] + step, offsets[4 * panel + 1] + step)
                    let (c, d) = (offsets[4 * panel + 2] + step, offsets[4 * panel + 3] + step)
                    panels.initializeElement(
                        at: panel * depth + k, to: SIMD4(values[a], values[b], values[c], values[d]))
                }
                if whole * 4 == offsets.count { continue }
                var group = SIMD4<T>(repeating: .zero)
                for (lane, offset) in offsets[(whole * 4)...].enumerated() { group[lane] = values[offset + step] }
                panels.initializeElement(at: whole * depth + k, to: group)
            }
        }
    }

    /// Columns that are made into panels at a time, so that of the columns no second copy is made.
    private static let columnBlock = 32

    private static func multiply<T: WideNumber>(
        _ rows: [SIMD4<T>], _ values: [T], _ right: Side, _ batch: Int, _ rowCount: Int,
        _ sums: UnsafeMutableBufferPointer<T>
    ) {
        let depth = right.contracted.count
        let columnCount = right.free.count
        withUnsafeTemporaryAllocation(of: SIMD4<T>.self, capacity: depth * columnBlock / 4) { panels in
            rows.withUnsafeBufferPointer { rows in
                for column in stride(from: 0, to: columnCount, by: 4) {
                    if column % columnBlock == 0 {
                        fill(panels, values, right, batch, column..<min(column + columnBlock, columnCount))
                    }
                    let panel = column % columnBlock / 4
                    let columnPanel = UnsafeBufferPointer(panels).extracting(panel * depth..<(panel + 1) * depth)
                    for row in stride(from: 0, to: rowCount, by: 4) {
                        let rowPanel = rows.extracting(row / 4 * depth..<(row / 4 + 1) * depth)
                        store(tile(rowPanel, columnPanel), row, column, rowCount, columnCount, sums)
                    }
                }
            }
        }
    }

    private typealias Tile<T: SIMDScalar> = (SIMD4<T>, SIMD4<T>, SIMD4<T>, SIMD4<T>)

    /// Four rows by four columns; each sum runs over k in order.
    @inline(__always)
    private static func tile<T: WideNumber>(
        _ rows: UnsafeBufferPointer<SIMD4<T>>, _ columns: UnsafeBufferPointer<SIMD4<T>>
    ) -> Tile<T> {
        let zero = SIMD4<T>(repeating: .zero)
        var tile = (zero, zero, zero, zero)
        for k in 0..<min(rows.count, columns.count) {
            let (factors, values) = (rows[k], columns[k])
            tile.0 = T.accumulate(tile.0, values, factors[0])
            tile.1 = T.accumulate(tile.1, values, factors[1])
            tile.2 = T.accumulate(tile.2, values, factors[2])
            tile.3 = T.accumulate(tile.3, values, factors[3])
        }
        return tile
    }

    private static func store<T: WideNumber>(
        _ tile: Tile<T>, _ row: Int, _ column: Int, _ rowCount: Int, _ columnCount: Int,
        _ sums: UnsafeMutableBufferPointer<T>
    ) {
        for offset in 0..<min(4, rowCount - row) {
            let line = offset < 2 ? (offset == 0 ? tile.0 : tile.1) : (offset == 2 ? tile.2 : tile.3)
            for lane in 0..<min(4, columnCount - column) {
                sums[(row + offset) * columnCount + column + lane] = line[lane]
            }
        }
    }
}
