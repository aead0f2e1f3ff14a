import MartletCore
public import MartletIR

extension Tensor {
    /// The largest element of each bin of regions of this tensor (N, C, H, W); 0 for empty bins. The result is
    /// (R, C, height, width) (Girshick, Fast R-CNN, 2015).
    ///
    /// - Parameters:
    ///   - regions: (R, 5), each the entry of the first axis, x1, y1, x2, y2; ends belong to the region.
    ///   - scale: from the regions' coordinates to those of the tensor, which are rounded.
    public func maxRoiPooled(_ regions: Tensor, height: Int, width: Int, scale: Double) throws -> Tensor {
        let (type, extents) = (try element, try shape)
        guard extents.count == 4, try regions.rank == 2 else {
            throw Diagnostic("type.rank", "regions of a tensor of rank \(extents.count)")
        }
        guard [height, width].allSatisfy({ (1..<1 << 20).contains($0) }) else {
            throw Diagnostic("type.range", "a result of \(height) x \(width)")
        }
        let corners = type == .float64 ? regions : try regions.cast(to: .float32)
        let count = try regions.shape[0]
        let rows = try BinLine(corners, 2, extents[2], height, scale)
        let columns = try BinLine(corners, 1, extents[3], width, scale)
        let points = [count, IntExpr(height), IntExpr(width), rows.size, columns.size]
        let batch = try corners.sliced(axis: 1, start: 0, size: 1).reshaped(to: [count]).cast(to: .int64)
        let index = try [
            batch.broadcast(to: points, axes: [0]), rows.index.broadcast(to: points, axes: [0, 1, 3]),
            columns.index.broadcast(to: points, axes: [0, 2, 4]),
        ]
        let elements = try gathered(index, axes: [0, 2, 3], mode: .check)
        let isIn = try rows.isIn.broadcast(to: points, axes: [0, 1, 3])
            .mapped(.and, columns.isIn.broadcast(to: points, axes: [0, 2, 4]))
        let mask = try isIn.broadcast(to: elements.shape, axes: [0, 1, 2, 3, 4])
        let largest = try Tensor.select(mask, elements, .lowest(of: type)).reduced(.max, axes: [3, 4])
        let hasAny = try isIn.reduced(.or, axes: [3, 4]).broadcast(to: largest.shape, axes: [0, 1, 2])
        return try Tensor.select(hasAny, largest, .constant(0, like: self)).transposed([0, 3, 1, 2])
    }

    /// Rounded to the nearest integer, halves away from 0.
    func roundedAway() throws -> Tensor { try (mapped(.sign) * (mapped(.abs) + 0.5).mapped(.floor)).checked() }
}

/// One axis of regions that are cut into bins of whole elements.
private struct BinLine {
    /// Elements in the largest bin, at least 1.
    let size: IntExpr
    /// The elements of each bin: (regions, bins, size), clamped to the axis.
    let index: Tensor
    /// Which of them belong to the bin.
    let isIn: Tensor

    /// - Parameter first: the column of the regions' starts; ends stand two columns further.
    init(_ corners: Tensor, _ first: Int, _ extent: IntExpr, _ bins: Int, _ scale: Double) throws {
        let (regions, type) = (try corners.shape[0], try corners.element)
        func number(_ value: Double) throws -> Tensor { try Tensor.constant(value, like: corners) }
        func column(_ number: Int) throws -> Tensor {
            let part = try corners.sliced(axis: 1, start: IntExpr(number), size: 1).reshaped(to: [regions])
            return try (part * scale).roundedAway()
        }
        let (start, end) = (try column(first), try column(first + 2))
        let bin = try (end - start + 1).mapped(.max, number(1)) / Double(bins)
        let shape = [regions, IntExpr(bins)]
        func spread(_ tensor: Tensor) throws -> Tensor { try tensor.broadcast(to: shape, axes: [0]) }
        let place = try Tensor.iota(shape: shape, axis: 1, type: type)
        let limit = try Tensor.size(extent, as: type)
        func clamped(_ edge: Tensor) throws -> Tensor {
            try (edge + spread(start)).mapped(.max, number(0)).mapped(.min, limit).cast(to: .int64)
        }
        let low = try clamped((place * spread(bin)).mapped(.floor))
        let high = try clamped(((place + 1) * spread(bin)).mapped(.ceil))
        let one = Tensor(HostTensor(scalar: Int64(1)))
        let size = try (high - low).reduced(.max, axes: [0, 1]).mapped(.max, one).asSize("bin", lower: 1)
        self.size = size
        let points = shape + [size]
        let all = try low.broadcast(to: points, axes: [0, 1]) + .iota(shape: points, axis: 2)
        isIn = try all.compared(.lt, high.broadcast(to: points, axes: [0, 1]))
        index = try all.mapped(.min, .dimension(extent - 1)).mapped(.max, Tensor(HostTensor(scalar: Int64(0))))
    }
}
