import MartletCore
public import MartletIR

extension Tensor {
    /// Convolution whose taps are moved by offsets, and read between elements (Dai and others, 2017).
    ///
    /// - Parameters:
    ///   - weights: (O, C / groups, kernel…).
    ///   - offsets: (N, offset groups · taps · spatial axes, places…).
    ///   - mask: (N, offset groups · taps, places…), factors of the taps.
    public func deformableConvolution(
        _ weights: Tensor, offsets: Tensor, mask: Tensor? = nil, bias: Tensor? = nil, stride: [Int], low: [Int],
        dilation: [Int], groups: Int = 1, offsetGroups: Int = 1
    ) throws -> Tensor {
        let type = try element
        let (extents, kernel, out) = (
            try shape, Array(try weights.shape.dropFirst(2)), Array(try offsets.shape.dropFirst(2))
        )
        let count = kernel.count
        guard extents.count == count + 2, out.count == count,
            [stride, low, dilation].allSatisfy({ $0.count == count }), groups > 0, offsetGroups > 0
        else { throw Diagnostic("type.rank", "the operands of a deformable convolution do not fit each other") }
        let parts = extents[1].floorDivided(by: IntExpr(offsetGroups))
        let points = [extents[0], IntExpr(offsetGroups)] + kernel + out
        // Offsets of one axis for each tap.
        let moved = try offsets.cast(to: .float32).reshaped(to: points.prefix(count + 2) + [IntExpr(count)] + out)
        let coordinates = try (0..<count).map { axis in
            let offset = try moved.sliced(axis: count + 2, start: IntExpr(axis), size: 1).reshaped(to: points)
            let place = try Tensor.iota(shape: points, axis: count + 2 + axis) * Double(stride[axis])
            let tap = try Tensor.iota(shape: points, axis: axis + 2) * Double(dilation[axis])
            return try (offset + (place + tap - Double(low[axis])).cast(to: .float32)).checked()
        }
        let wide = try cast(to: .float32).reshaped(
            to: [extents[0], IntExpr(offsetGroups), parts] + extents.dropFirst(2))
        let sampler = Sampler(
            wide, axes: Array(3..<count + 3),
            fixed: [(0, try .iota(shape: points, axis: 0)), (1, try .iota(shape: points, axis: 1))], border: .zero)
        var columns = try sampler.linear(at: coordinates)
        if let mask {
            let factors = try mask.cast(to: .float32).reshaped(to: points)
            columns = try columns * factors.broadcast(to: columns.shape, axes: Array(points.indices))
        }
        // The channels behind their group: (N, offset groups, channels, kernel…, places…).
        let rank = points.count
        columns = try columns.transposed([0, 1, rank] + Array(2..<rank))
        let result = try columns.product(with: weights.cast(to: .float32), groups, extents[1], kernel + out).cast(
            to: type)
        guard let bias else { return result }
        return try (result + bias.broadcast(to: result.shape, axes: [1])).checked()
    }

    /// Sums over channels and taps of columns (N, offset groups, channels, kernel…, places…).
    private func product(
        with weights: Tensor, _ groups: Int, _ channels: IntExpr, _ rest: [IntExpr]
    ) throws -> Tensor {
        let (batch, outputs) = (try shape[0], try weights.shape[0])
        let kernel = Array(try weights.shape.dropFirst(2))
        let (group, inputs) = (IntExpr(groups), channels.floorDivided(by: IntExpr(groups)))
        let columns = try reshaped(to: [batch, group, inputs] + rest)
        let perGroup = outputs.floorDivided(by: group)
        let matrices = try weights.reshaped(to: [group, perGroup, inputs] + kernel)
        let pairs = (0...kernel.count).map { ($0 + 2, $0 + 2) }
        // (groups, outputs, N, places…)
        let product = try matrices.contracted(with: columns, batch: [(0, 1)], contracted: pairs)
        let rank = try product.rank
        return try product.transposed([2, 0, 1] + Array(3..<rank)).reshaped(
            to: [batch, outputs] + rest.dropFirst(kernel.count))
    }
}
