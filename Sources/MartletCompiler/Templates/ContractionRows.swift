import MartletCore
import MartletIR

/// Rows that are computed in the contraction's own kernel.
///
/// A grid point evaluates a block of rows along the depth into scratch memory, then walks its panels over them, so that
/// what is costly is done once for all columns; twice where there is but one block of rows, so that two threads have work.
extension ContractionTemplate {
    /// Rows that a grid point takes, and where they lie packed if they are computed.
    struct RowBlock {
        let start: Register
        let end: Register
        var packed: Register?
    }

    /// Most rows of a block.
    private static let packedRows = 48

    /// Rows of a block: whole tiles, and blocks of like height in an even number where the rows are known.
    var packedBlockRows: Int {
        let most = max(Self.packedRows / tile.rows, 1) * tile.rows
        guard let count = rowCount.constant, count > most else { return most }
        let blocks = ((count + most - 1) / most + 1) / 2 * 2
        return ((count + blocks - 1) / blocks + tile.rows - 1) / tile.rows * tile.rows
    }

    /// Grid points among which the panels of a block are shared out.
    func computedPanelGroups(_ blocks: IntExpr) -> IntExpr {
        .max(.min(3 - blocks, panels), 1)
    }

    /// Bytes of a packed row: whole cache lines in an odd number, so that the rows of a tile lie in different cache sets.
    var packedRowBytes: Int {
        let lines = ((depth.constant ?? 0) * rowWidth + Self.lineBytes - 1) / Self.lineBytes
        return (lines | 1) * Self.lineBytes
    }

    /// Computes the block's rows and walks the panels of a group over them.
    func emitPanels(_ group: Register, of groups: IntExpr, _ block: RowBlock) throws {
        try packRows(block)
        let share = emitter.scalar(panels.ceilDivided(by: groups))
        let first = builder.mul(group, share)
        let last = builder.min(builder.add(first, share), emitter.scalar(panels))
        try builder.loop(from: first, to: last) { number in
            try emitter.scoped {
                try emitRows(block, panel(number), looksAhead ? builder.int(1, .flag) : nil)
            }
        }
    }

    private func packRows(_ block: RowBlock) throws {
        guard let axis = shape.depth, let count = axis.extent.constant, let packed = block.packed else { return }
        let lanes = machine.lanes
        let whole = count / lanes * lanes
        try builder.loop(from: block.start, to: block.end) { row in
            try emitter.scoped {
                RowAxes.place(shape.rows, row, emitter)
                let target = builder.address(packed, builder.mul(builder.sub(row, block.start), packedRowBytes))
                try emitter.hoist(shape.row.load, outOf: [axis.symbol])
                try builder.loop(from: builder.int(0), to: builder.int(whole), step: lanes) { position in
                    try packVector(axis, position, lanes, nil, target)
                }
                if whole < count {
                    try packVector(axis, builder.int(whole), lanes, builder.int(count - whole), target)
                }
            }
        }
    }

    /// Neighbouring elements of a row; where only some are `active`, zeros behind them.
    private func packVector(
        _ axis: LoopAxis, _ position: Register, _ lanes: Int, _ active: Register?, _ row: Register
    ) throws {
        try emitter.scoped {
            emitter.set(axis.symbol, position)
            emitter.vectorAxis = .init(symbol: axis.symbol, lanes: lanes, active: active)
            defer { emitter.vectorAxis = nil }
            let value = builder.splat(try emitter.value(shape.row.load), lanes: lanes)
            let stored = emitter.lowering.beforeStore(value, shape.row.type)
            let address = builder.address(row, builder.mul(position, rowWidth))
            guard let active else { return builder.store(stored, address) }
            builder.store(builder.constant(bits: 0, builder.type(of: stored)), address)
            builder.store(stored, address, first: active)
        }
    }
}
