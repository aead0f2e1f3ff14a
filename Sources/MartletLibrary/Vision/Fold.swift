public import MartletCore
public import MartletIR

/// How blocks of an image overlap, for each spatial axis.
public struct BlockLayout: Sendable {
    /// Extents of the image.
    public var image: [IntExpr]
    /// Extents of a block.
    public var block: [IntExpr]
    public var stride: [Int]
    public var dilation: [Int]
    /// Rows of zeros that the blocks were cut with in front of the image and behind it.
    public var low: [Int]
    public var high: [Int]

    /// Describes blocks; all lists have an entry for each spatial axis.
    public init(
        image: [IntExpr], block: [IntExpr], stride: [Int], dilation: [Int], low: [Int], high: [Int]
    ) throws {
        let counts = [block.count, stride.count, dilation.count, low.count, high.count]
        guard counts.allSatisfy({ $0 == image.count }), !image.isEmpty,
            (stride + dilation).allSatisfy({ (1..<1 << 30).contains($0) }),
            (low + high).allSatisfy({ (0..<1 << 30).contains($0) })
        else {
            throw Diagnostic("type.blocks", "strides \(stride), dilations \(dilation) or pads do not fit the image")
        }
        (self.image, self.block, self.stride, self.dilation) = (image, block, stride, dilation)
        (self.low, self.high) = (low, high)
    }

    /// Number of blocks along an axis.
    func count(_ axis: Int) -> IntExpr {
        let reach = (block[axis] - 1) * IntExpr(dilation[axis]) + 1
        let room = image[axis] + IntExpr(low[axis] + high[axis]) - reach
        return Sizes.simplified(room.floorDivided(by: IntExpr(stride[axis])) + 1)
    }
}

extension Tensor {
    /// Sums blocks (N, C · block elements, blocks) where they overlap into an image (N, C, spatial…).
    ///
    /// Axis by axis: each pixel gathers the elements of the blocks that cover it, so that no scatter is needed.
    public func folded(_ layout: BlockLayout) throws -> Tensor {
        let extents = try shape
        let spatial = layout.image.count
        guard extents.count == 3 else { throw Diagnostic("type.rank", "blocks must have rank 3, not \(extents.count)") }
        let size = layout.block.reduce(IntExpr(1)) { $0 * $1 }
        let channels = Sizes.simplified(extents[1].floorDivided(by: size))
        let counts = (0..<spatial).map(layout.count)
        var result = try reshaped(to: [extents[0], channels] + layout.block + counts)
        // Folded axes gather in front, the last one innermost.
        for axis in (0..<spatial).reversed() {
            let done = spatial - 1 - axis
            result = try result.folded(
                layout, axis, blockAxis: done + 2 + axis, countAxis: done + 2 + axis + 1 + axis, counts[axis])
        }
        return try result.transposed([spatial, spatial + 1] + Array(0..<spatial))
    }

    private func folded(
        _ layout: BlockLayout, _ axis: Int, blockAxis: Int, countAxis: Int, _ count: IntExpr
    ) throws -> Tensor {
        let grid = [layout.image[axis], layout.block[axis]]
        let tap = try Tensor.iota(shape: grid, axis: 1)
        let offset = try
            (Tensor.iota(shape: grid, axis: 0) + .number(layout.low[axis])
            - tap * Double(layout.dilation[axis])).checked()
        let step = Tensor.number(layout.stride[axis])
        let isStart = try offset.mapped(.rem, step).compared(.eq, .number(0))
        let isInside = try isStart.mapped(.and, offset.compared(.ge, .number(0)))
        let block = try Tensor.select(isInside, offset.mapped(.div, step), .number(-1))
        let taken = try gathered(
            [tap, block], axes: [blockAxis, countAxis], mode: .fill, fill: Tensor(0, as: element))
        return try taken.reduced(.sum, axes: [1])
    }
}
