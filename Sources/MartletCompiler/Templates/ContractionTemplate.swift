import MartletCore
import MartletIR

/// Contractions and convolutions: register tiles of rows by vectors of columns, the whole sum in registers.
///
/// The panel factor is read from panels `[taps][depth][columns of a tile]`: packed when the engine is built if constant,
/// else into scratch memory once per grid point. The row factor is read in place; where a border guard fails, its pointer
/// is replaced by one to zeros, so that main and border tiles are one code. Each result has one order of summation, that of
/// the reduced axes, in all tiles. The group's other functions are applied to the tile before it is stored.
struct ContractionTemplate {
    private let nest: LoopNest
    private let shape: ContractionShape
    private let tile: TileShape
    private let lanes: Int
    private let machine: VectorMachine
    private let builder = VectorBuilder()
    private let emitter: ScalarEmitter
    private let operands: [MemoryPlace]
    private let resultType: ElementType
    private let panelIsConstant: Bool
    private let rowWidth: Int
    private let panelWidth: Int
    private let accumulator: VectorType
    private let accumulatorWidth: Int

    /// Rows of one grid point, in tiles, where the panel is packed beforehand.
    private static let tilesPerPoint = 16

    /// Innermost sums of so few terms are no loop.
    private static let unrolledDepth = 4

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
        guard let shape = ContractionShape(nest), accumulatorTypes.contains(shape.type) else { return nil }
        let template = try ContractionTemplate(nest, shape, operands, isConstant, result.type, machine)
        return try template.generate()
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
        panelIsConstant = isConstant[shape.panel.operand] && ContractionTemplate.canPack(shape, nest)
        rowWidth = try emitter.lowering.memoryType(shape.row.type).bitWidth / 8
        panelWidth = try emitter.lowering.memoryType(shape.panel.type).bitWidth / 8
        let rowCount = shape.rows.reduce(1 as IntExpr) { $0 * $1.extent }
        let terms = shape.taps.reduce(shape.depth?.extent ?? 1) { $0 * $1.extent }
        tile = TileShape.best(
            rows: rowCount.constant, columns: shape.column.extent.constant, terms: terms.constant, machine: machine,
            laneBytes: accumulatorWidth)
    }

    /// Whether the panel factor has static extents and at most one batch axis.
    private static func canPack(_ shape: ContractionShape, _ nest: LoopNest) -> Bool {
        let offset = nest.offsets[shape.panel.load] ?? 0
        let batch = shape.batch.filter { offset.contains($0.symbol) }
        let axes = batch + shape.taps + [shape.column] + (shape.depth.map { [$0] } ?? [])
        return batch.count <= 1 && axes.allSatisfy { $0.extent.constant != nil }
    }

    // MARK: Sizes

    private var columns: Int { tile.vectors * lanes }
    private var rowCount: IntExpr { shape.rows.reduce(1) { $0 * $1.extent } }
    private var panels: IntExpr { shape.column.extent.ceilDivided(by: IntExpr(columns)) }
    private var rowsPerPoint: Int { tile.rows * Self.tilesPerPoint }
    private var blocks: IntExpr { panelIsConstant ? rowCount.ceilDivided(by: IntExpr(rowsPerPoint)) : 1 }
    private var depth: IntExpr { shape.depth?.extent ?? 1 }
    /// Elements of a panel.
    private var panelSize: IntExpr { shape.taps.reduce(depth) { $0 * $1.extent } * IntExpr(columns) }
    private var grid: IntExpr { shape.batch.reduce(panels * blocks) { $0 * $1.extent } }

    private var tileBytes: Int { tile.rows * columns * accumulatorWidth }
    private var isGuarded: Bool { !shape.row.guards.isEmpty }
    private var rowOffset: IntExpr { nest.offsets[shape.row.load] ?? 0 }
    private var panelOffset: IntExpr { nest.offsets[shape.panel.load] ?? 0 }
    private var depthStride: IntExpr {
        shape.depth.flatMap { rowOffset.coefficients(of: $0.symbol)?.linear } ?? 0
    }

    /// Bytes of zeros that stand in for a row outside the border; nil where they would be too many.
    private var zeroBytes: Int? {
        guard let stride = depthStride.constant, let count = depth.constant, stride >= 0 else { return nil }
        let bytes = ((count - 1) * stride + 1) * rowWidth
        return bytes <= 1 << 15 ? (bytes + 63) / 64 * 64 : nil
    }
    private var zeroRegion: Int { isGuarded ? zeroBytes ?? 64 : 0 }

    private var scratch: IntExpr {
        let fixed = IntExpr((tileBytes + 63) / 64 * 64 + zeroRegion)
        return panelIsConstant ? fixed : fixed + panelSize * IntExpr(panelWidth) + 64
    }

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
        if panelIsConstant, let recipe { packing[shape.panel.operand] = recipe }
        let products = nest.axes.reduce(shape.taps.reduce(depth) { $0 * $1.extent }) { $0 * $1.extent }
        return GeneratedKernel(
            function: builder.finish(name: "k"), words: emitter.words, packing: packing, grid: grid, scratch: scratch,
            flops: products * 2, bytes: traffic,
            note: "contraction, tile \(tile.rows)x\(columns)\(panelIsConstant ? "" : ", panel packed per run")")
    }

    private var traffic: IntExpr {
        operands.reduce(nest.axes.reduce(4) { $0 * $1.extent }) { total, place in
            total + place.extents.reduce(IntExpr(max(place.type.bitWidth / 8, 1))) { $0 * $1 }
        }
    }

    private var zeros: Register { builder.address(builder.scratch, (tileBytes + 63) / 64 * 64) }

    private func clearZeros() {
        let vector = VectorType(.i32, lanes: machine.lanes)
        let zero = builder.int(0, vector)
        builder.loop(from: builder.int(0), to: builder.int(zeroRegion), step: machine.vectorBytes) { offset in
            builder.store(zero, builder.address(zeros, offset), align: 4)
        }
    }

    /// One grid point: a panel and a block of rows.
    private func emitPoint(_ point: Register) throws {
        var rest = point
        let blockCount = emitter.scalar(blocks)
        let block = builder.rem(rest, blockCount)
        rest = builder.div(rest, blockCount)
        let panelCount = emitter.scalar(panels)
        let panelIndex = builder.rem(rest, panelCount)
        rest = builder.div(rest, panelCount)
        for axis in shape.batch.reversed() {
            let extent = emitter.scalar(axis.extent)
            emitter.set(axis.symbol, builder.rem(rest, extent))
            rest = builder.div(rest, extent)
        }
        let column = builder.mul(panelIndex, columns)
        emitter.set(shape.column.symbol, column)
        let panel = try panelPointer(panelIndex, column)
        let start = builder.mul(block, rowsPerPoint)
        let total = emitter.scalar(rowCount)
        guard panelIsConstant else { return try emitRows(builder.int(0), total, panel, column, nil) }
        let ahead = looksAhead ? builder.compare(.eq, builder.add(block, 1), blockCount) : nil
        try emitRows(start, builder.min(builder.add(start, rowsPerPoint), total), panel, column, ahead)
    }

    /// Main tiles, then tiles of what is left; where `isLast`, no other point follows that reads the same panel.
    private func emitRows(
        _ start: Register, _ end: Register, _ panel: Register, _ column: Register, _ isLast: Register?
    ) throws {
        var position = start
        for height in [tile.rows] + tile.remainders(rowCount.constant) {
            if let total = rowCount.constant, total < height { continue }
            let whole = builder.mul(builder.div(builder.sub(end, position), builder.int(height)), height)
            let stop = builder.add(position, whole)
            try builder.loop(from: position, to: stop, step: height) { row in
                let isMain = height == tile.rows
                let ahead = isMain ? isLast.map { nextPanel(builder.sub(row, start), panel, $0) } : nil
                try emitTile(row, height, Panel(pointer: panel, ahead: ahead), column)
            }
            position = stop
        }
    }

    // MARK: Panels

    /// A packed panel, and where to look ahead while a tile walks it.
    private struct Panel {
        let pointer: Register
        /// Each term of the sum asks for one cache line from here on.
        let ahead: Register?
    }

    /// Whether two panels have room in the second cache.
    private var looksAhead: Bool {
        panelSize.constant.map { $0 * panelWidth * 2 <= TileShape.nearBytes } ?? false
    }

    /// Bytes of a cache line.
    private static let lineBytes = 64

    /// The first tiles of a panel's last rows ask for the next panel, which may still lie in memory: a line a term, so
    /// that as many tiles as a term has lines bring all of it. The others ask for what is at hand.
    private func nextPanel(_ rows: Register, _ panel: Register, _ isLast: Register) -> Register {
        let size = builder.mul(emitter.scalar(panelSize), panelWidth)
        let lines = (columns * panelWidth + Self.lineBytes - 1) / Self.lineBytes
        let tiles = builder.div(rows, builder.int(tile.rows))
        let isEarly = builder.binary(.and, isLast, builder.compare(.slt, tiles, builder.int(lines)))
        let terms = builder.div(size, builder.int(columns * panelWidth))
        let offset = builder.add(size, builder.mul(builder.mul(tiles, terms), Self.lineBytes))
        return builder.select(isEarly, builder.address(panel, offset), panel)
    }

    private func panelPointer(_ panelIndex: Register, _ column: Register) throws -> Register {
        guard panelIsConstant else { return try packPanel(column) }
        var index = panelIndex
        for axis in shape.batch where panelOffset.contains(axis.symbol) {
            guard let variable = emitter.register(of: axis.symbol) else { continue }
            index = builder.add(builder.mul(variable, emitter.scalar(panels)), index)
        }
        let bytes = builder.mul(index, emitter.scalar(panelSize * IntExpr(panelWidth)))
        return builder.address(emitter.pointers[shape.panel.operand], bytes)
    }

    /// How the constant panel factor is laid out: batch axes, panels, taps, depth, columns.
    private var recipe: PackingRecipe? {
        let batch = shape.batch.filter { panelOffset.contains($0.symbol) }
        let axes = batch + shape.taps + (shape.depth.map { [$0] } ?? [])
        guard batch.count <= 1, let panelCount = panels.constant else { return nil }
        let extents = axes.compactMap(\.extent.constant)
        guard extents.count == axes.count else { return nil }
        var packed = extents
        packed.insert(panelCount, at: batch.count)
        packed.append(columns)
        var variables: [Symbol: IntExpr] = [:]
        for (position, axis) in axes.enumerated() {
            variables[axis.symbol] = IntExpr(.axis(position < batch.count ? position : position + 1))
        }
        let column = IntExpr(.axis(batch.count)) * IntExpr(columns) + IntExpr(.axis(packed.count - 1))
        variables[shape.column.symbol] = column
        return PackingRecipe(
            extents: packed, index: [panelOffset.substituting { variables[$0] ?? ($0.isAxis ? 0 : nil) }],
            guards: [IndexGuard(column, below: shape.column.extent)], type: shape.panel.type)
    }

    /// Copies the panel into scratch memory; columns behind the last are zero.
    private func packPanel(_ column: Register) throws -> Register {
        let destination = builder.address(builder.scratch, (tileBytes + 63) / 64 * 64 + zeroRegion)
        let memory = try emitter.lowering.memoryType(shape.panel.type)
        let count = builder.sub(emitter.scalar(shape.column.extent), column)
        let stride = panelOffset.coefficients(of: shape.column.symbol)?.linear ?? 1
        emitLoops(shape.taps[...] + (shape.depth.map { [$0] } ?? []), builder.int(0)) { position in
            let source = builder.address(
                emitter.pointers[shape.panel.operand], builder.mul(emitter.scalar(panelOffset), panelWidth))
            let target = builder.address(destination, builder.mul(position, columns * panelWidth))
            if stride == 1 {
                copyRow(memory, source, target, count)
            } else {
                gatherRow(memory, source, target, count, builder.mul(emitter.scalar(stride), panelWidth))
            }
        }
        return destination
    }

    /// Nested loops over axes with the running row-major position.
    private func emitLoops(_ axes: ArraySlice<LoopAxis>, _ position: Register, _ body: (Register) -> Void) {
        guard let axis = axes.first else { return body(position) }
        let extent = emitter.scalar(axis.extent)
        builder.loop(from: builder.int(0), to: extent) { index in
            emitter.scoped {
                emitter.set(axis.symbol, index)
                emitLoops(axes.dropFirst(), builder.add(builder.mul(position, extent), index), body)
            }
        }
    }

    private func copyRow(_ memory: VectorType.Scalar, _ source: Register, _ target: Register, _ count: Register) {
        let vector = VectorType(memory, lanes: lanes)
        for position in 0..<tile.vectors {
            let first = builder.sub(count, builder.int(position * lanes))
            let bytes = position * lanes * panelWidth
            let value = builder.load(vector, builder.address(source, bytes), first: first)
            builder.store(value, builder.address(target, bytes))
        }
    }

    private func gatherRow(
        _ memory: VectorType.Scalar, _ source: Register, _ target: Register, _ count: Register, _ stride: Register
    ) {
        let used = builder.min(count, builder.int(columns))
        let type = VectorType(memory)
        builder.loop(from: builder.int(0), to: used) { column in
            let value = builder.load(type, builder.address(source, builder.mul(column, stride)))
            builder.store(value, builder.address(target, builder.mul(column, panelWidth)))
        }
        builder.loop(from: used, to: builder.int(columns)) { column in
            builder.store(builder.constant(bits: 0, type), builder.address(target, builder.mul(column, panelWidth)))
        }
    }

    // MARK: Tiles

    /// What a row of a tile needs inside the loops.
    private struct Row {
        /// Address at the first tap and depth.
        let pointer: Register
        /// Values of the guards without the taps' part.
        let guards: [Register]
    }

    private func emitTile(_ first: Register, _ height: Int, _ panel: Panel, _ column: Register) throws {
        try emitter.scoped {
            for axis in shape.taps + (shape.depth.map { [$0] } ?? []) { emitter.set(axis.symbol, builder.int(0)) }
            let rows = rowAddresses(first, height)
            let zero = builder.constant(bits: 0, accumulator)
            let sums = try sum(
                shape.taps[...], rows, panel, builder.int(0), builder.int(0),
                rows.first.map { $0.guards.map { _ in builder.int(0) } } ?? [],
                [Register](repeating: zero, count: height * tile.vectors))
            try TileEpilogue(
                emitter: emitter, nest: nest, shape: shape, resultType: resultType, lanes: lanes, vectors: tile.vectors
            ).emit(sums, first, height, column)
        }
    }

    private func rowAddresses(_ first: Register, _ height: Int) -> [Row] {
        var rows: [Row] = []
        let step = shape.rows.count == 1 ? rowOffset.coefficients(of: shape.rows[0].symbol)?.linear.constant : nil
        for index in 0..<height {
            if let step, index > 0, !isGuarded {
                rows.append(Row(pointer: builder.address(rows[0].pointer, index * step * rowWidth), guards: []))
                continue
            }
            rows.append(
                emitter.scoped {
                    RowAxes.place(shape.rows, builder.add(first, index), emitter)
                    let offset = builder.mul(emitter.scalar(rowOffset), rowWidth)
                    return Row(
                        pointer: builder.address(emitter.pointers[shape.row.operand], offset),
                        guards: shape.row.guards.map { emitter.scalar($0.expression) })
                })
        }
        return rows
    }

    /// The loops over taps; innermost, the loop over depth.
    private func sum(
        _ taps: ArraySlice<LoopAxis>, _ rows: [Row], _ panel: Panel, _ position: Register, _ offset: Register,
        _ guardOffsets: [Register], _ sums: [Register]
    ) throws -> [Register] {
        guard let tap = taps.first else { return try sumDepth(rows, panel, position, offset, guardOffsets, sums) }
        let extent = emitter.scalar(tap.extent)
        let stride = emitter.scalar(rowOffset.coefficients(of: tap.symbol)?.linear ?? 0)
        let guardStrides = shape.row.guards.map {
            emitter.scalar($0.expression.coefficients(of: tap.symbol)?.linear ?? 0)
        }
        return try builder.loop(from: builder.int(0), to: extent, step: builder.int(1), carrying: sums) {
            index, carried in
            let moved = zip(guardOffsets, guardStrides).map { builder.add($0, builder.mul(index, $1)) }
            return try sum(
                taps.dropFirst(), rows, panel, builder.add(builder.mul(position, extent), index),
                builder.add(offset, builder.mul(index, stride)), moved, carried)
        }
    }

    private func sumDepth(
        _ rows: [Row], _ panel: Panel, _ position: Register, _ offset: Register, _ guardOffsets: [Register],
        _ sums: [Register]
    ) throws -> [Register] {
        let depthCount = emitter.scalar(depth)
        let terms = builder.mul(position, depthCount)
        let start = builder.address(panel.pointer, builder.mul(terms, columns * panelWidth))
        let ahead = panel.ahead.map { builder.address($0, builder.mul(terms, Self.lineBytes)) }
        let stride = builder.mul(emitter.scalar(depthStride), rowWidth)
        let inside = rows.map { isInside($0, guardOffsets) }
        var pointers = rows.map { builder.address($0.pointer, builder.mul(offset, rowWidth)) }
        if isGuarded { pointers = zip(pointers, inside).map { builder.select($1 ?? builder.int(1, .flag), $0, zeros) } }
        if isGuarded && zeroBytes == nil {
            return try sumWithCarriedPointers(pointers, inside, start, stride, depthCount, sums)
        }
        let next = { (k: Register, carried: [Register]) in
            let bytes = builder.mul(k, stride)
            let addresses = pointers.map { builder.address($0, bytes) }
            if let ahead { builder.prefetch(builder.address(ahead, builder.mul(k, Self.lineBytes))) }
            return try step(addresses, builder.address(start, builder.mul(k, columns * panelWidth)), carried)
        }
        if let count = depth.constant, count <= Self.unrolledDepth {
            return try (0..<count).reduce(sums) { try next(builder.int($1), $0) }
        }
        return try builder.loop(from: builder.int(0), to: depthCount, step: builder.int(1), carrying: sums, next)
    }

    /// Rows outside the border stay on one zero: their stride is zero.
    private func sumWithCarriedPointers(
        _ pointers: [Register], _ inside: [Register?], _ start: Register, _ stride: Register, _ count: Register,
        _ sums: [Register]
    ) throws -> [Register] {
        let strides = inside.map { builder.select($0 ?? builder.int(1, .flag), stride, builder.int(0)) }
        let result = try builder.loop(
            from: builder.int(0), to: count, step: builder.int(1), carrying: sums + pointers
        ) { k, carried in
            let current = Array(carried[sums.count...])
            let next = try step(
                current, builder.address(start, builder.mul(k, columns * panelWidth)), Array(carried[..<sums.count]))
            return next + zip(current, strides).map { builder.address($0, $1) }
        }
        return Array(result[..<sums.count])
    }

    private func isInside(_ row: Row, _ guardOffsets: [Register]) -> Register? {
        var condition: Register?
        for (position, value) in row.guards.enumerated() {
            let limit = emitter.scalar(shape.row.guards[position].limit)
            let test = builder.compare(.ult, builder.add(value, guardOffsets[position]), limit)
            condition = condition.map { builder.binary(.and, $0, test) } ?? test
        }
        return condition
    }

    /// One step of depth: a vector of each panel column group times one element of each row.
    private func step(_ rows: [Register], _ panel: Register, _ sums: [Register]) throws -> [Register] {
        let memory = try emitter.lowering.memoryType(shape.panel.type)
        let vectors = try (0..<tile.vectors).map { position in
            let address = builder.address(panel, position * lanes * panelWidth)
            let loaded = builder.load(VectorType(memory, lanes: lanes), address)
            return try converted(emitter.lowering.afterLoad(loaded, shape.panel.type), shape.panel.type)
        }
        var result = sums
        for (index, address) in rows.enumerated() {
            let loaded = builder.load(VectorType(try emitter.lowering.memoryType(shape.row.type)), address)
            let element = try converted(emitter.lowering.afterLoad(loaded, shape.row.type), shape.row.type)
            let broadcast = builder.splat(element, lanes: lanes)
            for position in 0..<tile.vectors {
                let sum = index * tile.vectors + position
                result[sum] = emitter.lowering.multiplyAdd(broadcast, vectors[position], result[sum])
            }
        }
        return result
    }

    private func converted(_ value: Register, _ type: ElementType) throws -> Register {
        type == shape.type ? value : try CastLowering(emitter.lowering).cast(value, from: type, to: shape.type)
    }
}
