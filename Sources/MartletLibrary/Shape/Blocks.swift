import MartletCore
public import MartletIR

/// Order of the channels that a block of pixels is moved to or from.
public enum BlockOrder: String, Sendable {
    /// The place in the block counts before the channel: depth, column, row.
    case depthFirst = "DCR"
    /// The channel counts first: column, row, depth.
    case depthLast = "CRD"
}

extension Tensor {
    /// Moves channels of (N, C, H, W) into blocks of `size`×`size` pixels: (N, C/size², H·size, W·size).
    public func depthToSpace(_ size: Int, order: BlockOrder = .depthFirst) throws -> Tensor {
        let extents = try blockExtents(size)
        let (n, h, w) = (extents[0], extents[2], extents[3])
        let block = IntExpr(size)
        let depth = Sizes.simplified(extents[1].floorDivided(by: IntExpr(size * size)))
        let parts: Tensor
        switch order {
        case .depthFirst: parts = try reshaped(to: [n, block, block, depth, h, w]).transposed([0, 3, 4, 1, 5, 2])
        case .depthLast: parts = try reshaped(to: [n, depth, block, block, h, w]).transposed([0, 1, 4, 2, 5, 3])
        }
        return try parts.reshaped(to: [n, depth, h * block, w * block])
    }

    /// Moves blocks of `size`×`size` pixels of (N, C, H, W) into channels: (N, C·size², H/size, W/size).
    public func spaceToDepth(_ size: Int, order: BlockOrder = .depthFirst) throws -> Tensor {
        let extents = try blockExtents(size)
        let (n, depth, block) = (extents[0], extents[1], IntExpr(size))
        let h = Sizes.simplified(extents[2].floorDivided(by: block))
        let w = Sizes.simplified(extents[3].floorDivided(by: block))
        let parts = try reshaped(to: [n, depth, h, block, w, block])
        let moved = try parts.transposed(order == .depthFirst ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4])
        return try moved.reshaped(to: [n, depth * IntExpr(size * size), h, w])
    }

    private func blockExtents(_ size: Int) throws -> [IntExpr] {
        let extents = try shape
        guard extents.count == 4, size > 0, size < 1 << 20 else {
            throw Diagnostic("type.block", "blocks of \(size) of a tensor of rank \(extents.count), which must be 4")
        }
        return extents
    }
}
