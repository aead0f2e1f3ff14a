import MartletCore
import MartletIR

/// Contractions and convolutions: register tiles of rows by vectors of columns, the whole sum in registers.
///
/// The panel factor is read from panels `[taps][depth][columns of a tile]`: packed when the engine is built if constant,
/// else into scratch memory once per grid point. The row factor is read in place; where a border guard fails, its pointer
/// is replaced by one to zeros, so that main and border tiles are one code. A row factor that is computed is packed into
/// scratch memory for a block of rows, which all panels of the grid point then read. Each result has one order of
/// summation, that of the reduced axes, in all tiles. The group's other functions are applied to the tile before it is
/// stored.
///
/// Where the machine has a dot product of the factors' narrow elements, a step along the depth takes a group of terms,
/// which lie side by side in the panel: `[taps][depth / group][columns][group]`, zeros behind the last.
struct ContractionTemplate {
    let nest: LoopNest
    let shape: ContractionShape
    let tile: TileShape
    let lanes: Int
    let machine: VectorMachine
    let builder = VectorBuilder()
    let emitter: ScalarEmitter
    let operands: [MemoryPlace]
    let resultType: ElementType
    let panelIsConstant: Bool
    let rowWidth: Int
    let panelWidth: Int
    let terms: TermArithmetic
    let accumulator: VectorType
    let accumulatorWidth: Int

    /// Rows of one grid point, in tiles, where the panel is packed beforehand.
    private static let tilesPerPoint = 16

    /// Innermost sums of so few terms are no loop.
    static let unrolledDepth = 4

    /// Types that sums are kept in; the 16-bit ones as f32, rounded once.
    private static let accumulatorTypes: Set<ElementType> = [.float32, .float64, .int32, .float16, .bfloat16]

    /// Makes the kernel, or nil where the group is no contraction of a supported shape.
    static func kernel(
        _ group: FusedGroup, operands: [MemoryPlace], isConstant: [Bool], result: MemoryPlace, order: [Int],
        ranges: SymbolRanges,
        machine: VectorMachine
    ) throws -> GeneratedKernel? {
        guard group.anchor != nil else { return nil }
        let nest = LoopNest(group, operands: operands, result: result, order: order, ranges: ranges)
        guard let shape = acceptedShape(nest, isConstant: isConstant) else { return nil }
        let template = try ContractionTemplate(nest, shape, operands, isConstant, result.type, machine)
        return try template.generate()
    }

    /// The nest's shape, where the template takes it: rows are computed in place only beside a constant panel.
    static func acceptedShape(_ nest: LoopNest, isConstant: [Bool]) -> ContractionShape? {
        guard let shape = ContractionShape(nest), accumulatorTypes.contains(shape.type) else { return nil }
        return shape.row.isComputed && !isPacked(shape, nest, isConstant) ? nil : shape
    }

    /// Whether the template takes a group whose operands and result lie in plain memory.
    static func accepts(_ group: FusedGroup, in graph: Graph) -> Bool {
        guard group.anchor != nil else { return false }
        let order = LayoutPlanner.anchorOrder(group) ?? Array(0..<group.type.rank)
        let nest = LoopNest(
            group, operands: group.operands.map { .rowMajor(graph.type(of: $0)) },
            result: .dense(group.type, order: order), order: order, ranges: graph.symbols.ranges)
        return acceptedShape(nest, isConstant: group.operands.map { graph.constant($0) != nil }) != nil
    }

    private init(
        _ nest: LoopNest, _ shape: ContractionShape, _ operands: [MemoryPlace], _ isConstant: [Bool],
        _ resultType: ElementType,
        _ machine: VectorMachine
    ) throws {
        self.nest = nest
        self.shape = shape
        self.operands = operands
        self.machine = machine
        self.resultType = resultType
        emitter = ScalarEmitter(nest, operandCount: operands.count, machine: machine, builder: builder)
        accumulatorWidth = emitter.lowering.registerType(shape.type).scalar.bitWidth / 8
        lanes = machine.vectorBytes / accumulatorWidth
        accumulator = emitter.lowering.registerType(shape.type, lanes: lanes)
        panelIsConstant = ContractionTemplate.isPacked(shape, nest, isConstant)
        rowWidth = try emitter.lowering.memoryType(shape.row.type).bitWidth / 8
        panelWidth = try emitter.lowering.memoryType(shape.panel.type).bitWidth / 8
        terms = Self.arithmetic(shape, nest, machine, rowWidth: rowWidth, panelIsConstant: panelIsConstant)
        let rowCount = shape.rows.reduce(1 as IntExpr) { $0 * $1.extent }
        let depth = (shape.depth?.extent ?? 1).ceilDivided(by: IntExpr(terms.terms))
        let steps = shape.taps.reduce(depth) { $0 * $1.extent }
        tile = TileShape.best(
            rows: rowCount.constant, columns: shape.column.extent.constant, terms: steps.constant, machine: machine,
            laneBytes: accumulatorWidth)
    }

    /// Dot products want the terms of a row side by side, and a depth that is known when the panel is packed.
    private static func arithmetic(
        _ shape: ContractionShape, _ nest: LoopNest, _ machine: VectorMachine, rowWidth: Int, panelIsConstant: Bool
    ) -> TermArithmetic {
        guard panelIsConstant, let depth = shape.depth, let count = depth.extent.constant else { return .multiplyAdd }
        let offset = shape.row.isComputed ? IntExpr(depth.symbol) : nest.offsets[shape.row.load] ?? 0
        guard offset.coefficients(of: depth.symbol)?.linear == 1,
            shape.row.guards.isEmpty || count * rowWidth <= mostZeros
        else { return .multiplyAdd }
        return .best(rows: shape.row.type, panel: shape.panel.type, sum: shape.type, machine: machine)
    }

    /// Whether the panel factor is constant, with static extents and at most one batch axis.
    private static func isPacked(_ shape: ContractionShape, _ nest: LoopNest, _ isConstant: [Bool]) -> Bool {
        guard let operand = shape.panel.operand, isConstant[operand] else { return false }
        let offset = nest.offsets[shape.panel.load] ?? 0
        let batch = shape.batch.filter { offset.contains($0.symbol) }
        let axes = batch + shape.taps + [shape.column] + (shape.depth.map { [$0] } ?? [])
        return batch.count <= 1 && axes.allSatisfy { $0.extent.constant != nil }
    }

    // MARK: Sizes

    var columns: Int { tile.vectors * lanes }
    var rowCount: IntExpr { shape.rows.reduce(1) { $0 * $1.extent } }
    var panels: IntExpr { shape.column.extent.ceilDivided(by: IntExpr(columns)) }
    /// Rows of one grid point.
    var blockRows: Int { shape.row.isComputed ? packedBlockRows : tile.rows * Self.tilesPerPoint }
    private var blocks: IntExpr { panelIsConstant ? rowCount.ceilDivided(by: IntExpr(blockRows)) : 1 }
    var depth: IntExpr { shape.depth?.extent ?? 1 }
    /// Steps along the depth.
    var steps: IntExpr { depth.ceilDivided(by: IntExpr(terms.terms)) }
    /// Bytes of the panel that a step reads.
    var stepBytes: Int { columns * panelWidth * terms.terms }
    /// Bytes of a panel.
    var panelSize: IntExpr { shape.taps.reduce(steps) { $0 * $1.extent } * IntExpr(stepBytes) }
    /// Where the panels of one block of rows are shared out among grid points, the number of those.
    private var panelGroups: IntExpr { shape.row.isComputed ? computedPanelGroups(blocks) : panels }
    private var grid: IntExpr { shape.batch.reduce(panelGroups * blocks) { $0 * $1.extent } }

    private var tileBytes: Int { tile.rows * columns * accumulatorWidth }
    var isGuarded: Bool { !shape.row.guards.isEmpty }
    var rowOffset: IntExpr { nest.offsets[shape.row.load] ?? 0 }
    /// A panel is never computed.
    var panelOperand: Int { shape.panel.operand ?? 0 }
    var panelOffset: IntExpr { nest.offsets[shape.panel.load] ?? 0 }
    var depthStride: IntExpr {
        if shape.row.isComputed { return 1 }
        return shape.depth.flatMap { rowOffset.coefficients(of: $0.symbol)?.linear } ?? 0
    }

    /// Most bytes of zeros that stand in for a row.
    private static let mostZeros = 1 << 15

    /// Bytes of zeros that stand in for a row outside the border; nil where they would be too many.
    var zeroBytes: Int? {
        guard let stride = depthStride.constant, let count = depth.constant, stride >= 0 else { return nil }
        let bytes = ((count - 1) * stride + 1) * rowWidth
        return bytes <= Self.mostZeros ? (bytes + 63) / 64 * 64 : nil
    }
    private var zeroRegion: Int { isGuarded ? zeroBytes ?? 64 : 0 }

    private var scratch: IntExpr {
        var size = IntExpr((tileBytes + 63) / 64 * 64 + zeroRegion)
        if !panelIsConstant { size += panelSize + 64 }
        if shape.row.isComputed { size += IntExpr(blockRows * packedRowBytes) }
        return size
    }

    /// Scratch memory behind the finished tile and the zeros.
    var packedRegion: Register { builder.address(builder.scratch, (tileBytes + 63) / 64 * 64 + zeroRegion) }

    // MARK: Kernel

    private func generate() throws -> GeneratedKernel {
        if isGuarded { clearZeros() }
        try builder.loop(from: builder.first, to: builder.last) { point in
            try emitter.scoped {
                emitter.gridIndex = point
                try emitPoint(point)
            }
        }
        var packing: [Int: PackingRecipe] = [:]
        if panelIsConstant, let recipe { packing[panelOperand] = recipe }
        let products = nest.axes.reduce(shape.taps.reduce(depth) { $0 * $1.extent }) { $0 * $1.extent }
        var note = "contraction, tile \(tile.rows)x\(columns)"
        if let opcode = terms.opcode { note += ", \(Opcode.dot(opcode).mnemonic)" }
        if shape.row.isComputed { note += ", rows computed" }
        if !panelIsConstant { note += ", panel packed per run" }
        return GeneratedKernel(
            function: builder.finish(name: "k"), words: emitter.words, packing: packing, grid: grid, scratch: scratch,
            flops: products * 2, bytes: traffic, note: note)
    }

    var traffic: IntExpr {
        operands.reduce(nest.axes.reduce(4) { $0 * $1.extent }) { total, place in
            total + place.extents.reduce(IntExpr(max(place.type.bitWidth / 8, 1))) { $0 * $1 }
        }
    }

    var zeros: Register { builder.address(builder.scratch, (tileBytes + 63) / 64 * 64) }

    private func clearZeros() {
        let vector = VectorType(.i32, lanes: machine.lanes)
        let zero = builder.int(0, vector)
        builder.loop(from: builder.int(0), to: builder.int(zeroRegion), step: machine.vectorBytes) { offset in
            builder.store(zero, builder.address(zeros, offset), align: 4)
        }
    }

    /// One grid point: a panel, or with computed rows some panels, and a block of rows.
    private func emitPoint(_ point: Register) throws {
        var rest = point
        let blockCount = emitter.scalar(blocks)
        let block = builder.rem(rest, blockCount)
        rest = builder.div(rest, blockCount)
        let groupCount = emitter.scalar(panelGroups)
        let group = builder.rem(rest, groupCount)
        rest = builder.div(rest, groupCount)
        for axis in shape.batch.reversed() {
            let extent = emitter.scalar(axis.extent)
            emitter.set(axis.symbol, builder.rem(rest, extent))
            rest = builder.div(rest, extent)
        }
        let start = builder.mul(block, blockRows)
        let total = emitter.scalar(rowCount)
        if shape.row.isComputed {
            let end = builder.min(builder.add(start, blockRows), total)
            return try emitPanels(group, of: panelGroups, RowBlock(start: start, end: end, packed: packedRegion))
        }
        let panel = try self.panel(group)
        guard panelIsConstant else { return try emitRows(RowBlock(start: builder.int(0), end: total), panel) }
        let isLast = looksAhead ? builder.compare(.eq, builder.add(block, 1), blockCount) : nil
        let end = builder.min(builder.add(start, blockRows), total)
        try emitRows(RowBlock(start: start, end: end), panel, isLast)
    }

    /// Main tiles, then tiles of what is left; where `isLast`, no other rows follow that read the same panel.
    func emitRows(_ block: RowBlock, _ panel: Panel, _ isLast: Register? = nil) throws {
        var position = block.start
        for height in [tile.rows] + tile.remainders(rowCount.constant) {
            if let total = rowCount.constant, total < height { continue }
            let whole = builder.mul(builder.div(builder.sub(block.end, position), builder.int(height)), height)
            let stop = builder.add(position, whole)
            try builder.loop(from: position, to: stop, step: height) { row in
                let isMain = height == tile.rows
                var panel = panel
                if isMain, let isLast {
                    panel.ahead = nextPanel(builder.sub(row, block.start), panel.pointer, isLast)
                }
                try emitTile(row, height, panel, block)
            }
            position = stop
        }
    }
}
