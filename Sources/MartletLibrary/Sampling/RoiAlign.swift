import MartletCore
public import MartletIR

/// How regions of a feature map are pooled at points between its elements.
public struct RoiAlignment: Sendable {
    /// Extents of the result.
    public var height: Int, width: Int
    /// Points along each axis of a bin; 0 for as many as the bin has elements, rounded up.
    public var samples: Int
    /// From the regions' coordinates to those of the tensor.
    public var scale: Double
    /// Whether coordinates are those of edges, so that the first element's centre lies at 0.5. If not, regions have at
    /// least extent 1.
    public var usesHalfPixels: Bool
    /// Whether the largest weighted element counts, not the mean of the points.
    public var takesMaximum: Bool

    /// Describes a pooling.
    public init(
        height: Int, width: Int, samples: Int = 0, scale: Double = 1, usesHalfPixels: Bool = true,
        takesMaximum: Bool = false
    ) throws {
        guard [height, width].allSatisfy({ (1..<1 << 20).contains($0) }), (0..<1 << 20).contains(samples) else {
            throw Diagnostic("type.range", "a result of \(height) x \(width) with \(samples) samples")
        }
        (self.height, self.width, self.samples, self.scale) = (height, width, samples, scale)
        (self.usesHalfPixels, self.takesMaximum) = (usesHalfPixels, takesMaximum)
    }
}

extension Tensor {
    /// Pools regions (R, 4), each x1, y1, x2, y2, of this tensor (N, C, H, W); the result is (R, C, height, width)
    /// (He and others, Mask R-CNN, 2017).
    ///
    /// - Parameter batch: the entry of the first axis for each region; others end the run.
    public func roiAligned(_ regions: Tensor, batch: Tensor, _ alignment: RoiAlignment) throws -> Tensor {
        let (type, extents) = (try element, try shape)
        guard extents.count == 4, try regions.rank == 2, try batch.rank == 1 else {
            throw Diagnostic("type.rank", "regions of a tensor of rank \(extents.count)")
        }
        let x = type == .float64 ? self : try cast(to: .float32)
        let corners = try regions.cast(to: x.element)
        let rows = try RoiLine(corners, 1, extents[2], alignment.height, alignment)
        let columns = try RoiLine(corners, 0, extents[3], alignment.width, alignment)
        // Regions, rows, columns, points along the rows' axis, points along the columns'.
        let points = [rows.shape[0], rows.shape[1], columns.shape[1], rows.shape[2], columns.shape[2]]
        func spread(_ tensor: Tensor, _ axes: [Int]) throws -> Tensor { try tensor.broadcast(to: points, axes: axes) }
        let entry = try spread(batch.cast(to: .int64), [0])
        var parts: [Tensor] = []
        for row in rows.taps {
            for column in columns.taps {
                let index = try [entry, spread(row.index, [0, 1, 3]), spread(column.index, [0, 2, 4])]
                let elements = try x.gathered(index, axes: [0, 2, 3], mode: .check)
                let weight = try spread(row.weight, [0, 1, 3]) * spread(column.weight, [0, 2, 4])
                parts.append(try elements * weight.broadcast(to: elements.shape, axes: [0, 1, 2, 3, 4]))
            }
        }
        let pooled =
            alignment.takesMaximum
            ? try x.largest(parts, rows, columns, points) : try x.mean(parts, rows, columns)
        return try pooled.transposed([0, 3, 1, 2]).cast(to: type)
    }

    /// The mean over the points of each bin.
    private func mean(_ parts: [Tensor], _ rows: RoiLine, _ columns: RoiLine) throws -> Tensor {
        let total = try parts.dropFirst().reduce(parts[0]) { try ($0 + $1).checked() }.reduced(.sum, axes: [3, 4])
        let count = try (rows.count * columns.count).mapped(.max, .constant(1, like: self))
        return try (total / count.broadcast(to: total.shape, axes: [0])).checked()
    }

    /// The largest weighted element of each bin, 0 without points.
    private func largest(_ parts: [Tensor], _ rows: RoiLine, _ columns: RoiLine, _ points: [IntExpr]) throws -> Tensor {
        let top = try parts.dropFirst().reduce(parts[0]) { try $0.mapped(.max, $1) }
        let counts = try rows.counts.broadcast(to: points, axes: [0, 3])
            .mapped(.and, columns.counts.broadcast(to: points, axes: [0, 4]))
        let lowest = try Tensor.lowest(of: element)
        let masked = try Tensor.select(counts.broadcast(to: top.shape, axes: [0, 1, 2, 3, 4]), top, lowest)
        let result = try masked.reduced(.max, axes: [3, 4])
        return try Tensor.select(result.compared(.eq, lowest), .constant(0, like: self), result)
    }
}

/// One axis of the regions: where each point of each bin reads.
private struct RoiLine {
    /// Regions, bins, points.
    let shape: [IntExpr]
    /// The elements on both sides of each point, and their weights: 0 for points that do not count.
    let taps: [(index: Tensor, weight: Tensor)]
    /// Numbers of points in each region's bins.
    let count: Tensor
    /// Which points count: (regions, points).
    let counts: Tensor

    /// - Parameter first: the column of the regions' starts; ends stand two columns further.
    init(_ corners: Tensor, _ first: Int, _ extent: IntExpr, _ bins: Int, _ alignment: RoiAlignment) throws {
        let regions = try corners.shape[0]
        let shift = alignment.usesHalfPixels ? 0.5 : 0
        func column(_ number: Int) throws -> Tensor {
            let part = try corners.sliced(axis: 1, start: IntExpr(number), size: 1).reshaped(to: [regions])
            return try (part * alignment.scale - shift).checked()
        }
        func number(_ value: Double) throws -> Tensor { try Tensor.constant(value, like: corners) }
        let start = try column(first)
        var length = try column(first + 2) - start
        if !alignment.usesHalfPixels { length = try length.mapped(.max, number(1)) }
        let bin = try (length / Double(bins)).checked()
        var size = IntExpr(alignment.samples)
        if alignment.samples > 0 {
            count = try number(Double(alignment.samples)).broadcast(to: [regions], axes: [])
        } else {
            count = try bin.mapped(.ceil)
            let most = try count.reduced(.max, axes: [0]).mapped(.max, number(1)).cast(to: .int64)
            size = try most.asSize("samples", lower: 1)
        }
        let shape = [regions, IntExpr(bins), size]
        self.shape = shape
        func spread(_ tensor: Tensor) throws -> Tensor { try tensor.broadcast(to: shape, axes: [0]) }
        let type = try corners.element
        let point = try Tensor.iota(shape: shape, axis: 2, type: type)
        counts = try Tensor.iota(shape: [regions, size], axis: 1, type: type)
            .compared(.lt, count.broadcast(to: [regions, size], axes: [0]))
        let step = try spread((bin / count).checked())
        let place = try Tensor.iota(shape: shape, axis: 1, type: type) * spread(bin) + (point + 0.5) * step
        let isIn = try point.compared(.lt, spread(count))
        taps = try Self.taps(spread(start) + place, extent, isIn)
    }

    private static func taps(
        _ place: Tensor, _ extent: IntExpr, _ isIn: Tensor
    ) throws -> [(index: Tensor, weight: Tensor)] {
        let (zero, size) = (try Tensor.constant(0, like: place), try Tensor.size(extent, as: place.element))
        // More than one element outside there is nothing.
        let isNear = try place.compared(.ge, .constant(-1, like: place)).mapped(.and, place.compared(.le, size))
        let inner = try place.mapped(.max, zero).mapped(.min, (size - 1).checked())
        let base = try inner.mapped(.floor)
        let part = try (inner - base).checked()
        let last = try Tensor.dimension(extent - 1)
        let low = try base.cast(to: .int64).mapped(.max, Tensor(HostTensor(scalar: Int64(0)))).mapped(.min, last)
        let high = try (low + Tensor(HostTensor(scalar: Int64(1)))).mapped(.min, last)
        let isOn = try isNear.mapped(.and, isIn)
        return [
            (low, try Tensor.select(isOn, (1 - part).checked(), zero)), (high, try Tensor.select(isOn, part, zero)),
        ]
    }
}
