import MartletCore
import MartletIR

/// The general template: loops over the result's points, the innermost axis vectorised where that is possible.
///
/// Serves elementwise groups, views, pooling, and row groups such as softmax and layer norm: reductions that depend on the
/// row only are computed once before the row's own loop. Costly values of an earlier loop over the same row are kept in
/// scratch memory for the later one.
struct NestTemplate {
    private var nest: LoopNest
    private let operandCount: Int
    private let elementType: ElementType
    private let machine: VectorMachine
    private let builder = VectorBuilder()
    private let emitter: ScalarEmitter
    /// The axis that the innermost loop walks, and its number of lanes.
    private let inner: LoopAxis?
    private let lanes: Int
    private var outer: [LoopAxis]
    /// Elements of the inner axis in one grid point; nil for the whole axis.
    private var block: Int?
    /// Operands that are transposed on the way; a grid point then takes as many places of their axis as there are lanes.
    private let tile: TransposedTile?
    private var scratch: IntExpr = 0
    /// Row values to keep: node in an earlier loop, its twin in the inner loop, byte offset in scratch.
    private var kept: [(node: Int, twin: Int, offset: IntExpr)] = []

    /// Elements of a grid point where the inner axis is cut.
    private static let blockElements = 2048
    /// The same where squares are transposed.
    private static let tiledBlockElements = 256

    /// Makes the kernel of a group without a contraction.
    static func kernel(
        _ group: FusedGroup, operands: [MemoryPlace], result: MemoryPlace, order: [Int], ranges: SymbolRanges,
        machine: VectorMachine
    ) throws -> GeneratedKernel {
        let nest = LoopNest(group, operands: operands, result: result, order: order, ranges: ranges)
        var template = NestTemplate(nest, operands.count, result.type, machine)
        var generated = try template.generate()
        generated.reasons = template.reasons
        return generated
    }

    private init(
        _ nest: LoopNest, _ operandCount: Int, _ elementType: ElementType, _ machine: VectorMachine
    ) {
        self.nest = nest
        self.elementType = elementType
        self.machine = machine
        self.operandCount = operandCount
        emitter = ScalarEmitter(nest, operandCount: operandCount, machine: machine, builder: builder)
        inner = nest.axes.last
        outer = Array(nest.axes.dropLast())
        lanes = inner.map { NestTemplate.lanes(nest, $0, machine) } ?? 1
        let hasRowReduction = inner.map { NestTemplate.hasRowReduction(nest, $0.symbol) } ?? false
        let lanes = lanes
        tile = hasRowReduction ? nil : inner.flatMap { TransposedTile(nest, inner: $0, lanes: lanes) }
        let most = tile == nil ? NestTemplate.blockElements : NestTemplate.tiledBlockElements
        block = hasRowReduction || (inner?.extent.constant ?? Int.max) <= most ? nil : most
    }

    private static func lanes(_ nest: LoopNest, _ axis: LoopAxis, _ machine: VectorMachine) -> Int {
        guard nest.storeOffset.coefficients(of: axis.symbol)?.linear == 1,
            axis.extent.constant ?? 64 > 1, Vectorisation.isPossible(nest.root, along: axis.symbol, in: nest)
        else { return 1 }
        return machine.lanes
    }

    /// Whether some reduction is computed once a row, before the inner loop.
    private static func hasRowReduction(_ nest: LoopNest, _ inner: Symbol) -> Bool {
        nest.body.nodes.indices.contains { node in
            switch nest.body.nodes[node] {
            case .reduce, .argreduce: return !nest.dependences[node].contains(inner)
            default: return false
            }
        }
    }

    private mutating func generate() throws -> GeneratedKernel {
        if let tile { scratch = IntExpr(tile.scratch) } else { planKeptRows() }
        let first = builder.first, last = builder.last
        try builder.loop(from: first, to: last) { point in
            try emitter.scoped {
                emitter.gridIndex = point
                let start = try placeOuterAxes(point)
                try emitRow(start)
            }
        }
        return GeneratedKernel(
            function: builder.finish(name: "k"), words: emitter.words, packing: [:], grid: grid, scratch: scratch,
            flops: work, bytes: traffic, note: note)
    }

    private var note: String {
        "nest, \(lanes) lanes" + (tile == nil ? "" : ", transposed") + (block.map { ", blocks of \($0)" } ?? "")
    }

    // MARK: Grid

    private var blocks: IntExpr? {
        guard let block, let inner else { return nil }
        return inner.extent.ceilDivided(by: IntExpr(block))
    }

    private var grid: IntExpr { outer.reduce(blocks ?? 1) { $0 * points(of: $1) } }

    /// Grid points along an outer axis.
    private func points(of axis: LoopAxis) -> IntExpr {
        axis == tile?.cross ? axis.extent.ceilDivided(by: IntExpr(lanes)) : axis.extent
    }

    /// Splits the grid index into the outer axes; gives the start of the block on the inner axis.
    private func placeOuterAxes(_ point: Register) throws -> Register {
        var rest = point
        var start = builder.int(0)
        if let blocks, let block {
            let count = emitter.scalar(blocks)
            if outer.isEmpty {
                start = builder.mul(rest, block)
            } else {
                start = builder.mul(builder.rem(rest, count), block)
                rest = builder.div(rest, count)
            }
        }
        for (position, axis) in outer.enumerated().reversed() {
            let extent = emitter.scalar(points(of: axis))
            let index = position == 0 ? rest : builder.rem(rest, extent)
            emitter.set(axis.symbol, axis == tile?.cross ? builder.mul(index, lanes) : index)
            if position > 0 { rest = builder.div(rest, extent) }
        }
        return start
    }

    // MARK: Rows

    private func emitRow(_ start: Register) throws {
        guard let inner else {
            let value = try emitter.value(nest.root)
            return try emitter.store(value, nest.storeOffset, elementType)
        }
        guard let condition = emitter.runs([inner]) else { return try emitRow(inner, start) }
        try builder.branch(
            condition,
            then: {
                try emitter.scoped { try emitRow(inner, start) }
                return []
            }, else: { [] })
    }

    private func emitRow(_ inner: LoopAxis, _ start: Register) throws {
        if let tile { return try emitTiles(tile, inner, start) }
        prepareKeptRows()
        try emitter.hoist(nest.root, outOf: [inner.symbol])
        emitter.onValue = nil
        for row in kept { emitter.cachedRows[row.twin] = builder.address(builder.scratch, emitter.scalar(row.offset)) }
        let extent = emitter.scalar(inner.extent)
        let end = block.map { builder.min(builder.add(start, $0), extent) } ?? extent
        try emitInner(inner, start, end)
        emitter.cachedRows = [:]
    }

    /// Squares as far as both axes have whole ones, single vectors for the rest.
    private func emitTiles(_ tile: TransposedTile, _ inner: LoopAxis, _ start: Register) throws {
        guard let first = emitter.register(of: tile.cross.symbol) else { return }
        try emitter.hoist(nest.root, outOf: [inner.symbol, tile.cross.symbol])
        let extent = emitter.scalar(inner.extent), crossExtent = emitter.scalar(tile.cross.extent)
        let end = block.map { builder.min(builder.add(start, $0), extent) } ?? extent
        let whole = builder.add(start, builder.mul(builder.div(builder.sub(end, start), builder.int(lanes)), lanes))
        let behind = builder.add(first, lanes)
        let hasWholeRows = tile.cross.extent.constant.map { $0 % lanes == 0 } ?? false
        let last = hasWholeRows ? whole : builder.select(builder.compare(.sle, behind, crossExtent), whole, start)
        try builder.loop(from: start, to: last, step: lanes) { index in
            try emitter.scoped {
                emitter.set(inner.symbol, index)
                try tile.emit(emitter) {
                    try emitter.store(try emitter.value(nest.root), nest.storeOffset, elementType)
                }
            }
        }
        if hasWholeRows, isWhole(inner) { return }
        try builder.loop(from: first, to: builder.min(behind, crossExtent)) { row in
            try emitter.scoped {
                emitter.set(tile.cross.symbol, row)
                try emitter.hoist(nest.root, outOf: [inner.symbol])
                try emitInner(inner, last, end)
            }
        }
    }

    /// Whether every grid point's part of the axis is a whole number of vectors.
    private func isWhole(_ inner: LoopAxis) -> Bool {
        inner.extent.constant.map { $0 % lanes == 0 } ?? false && block.map { $0 % lanes == 0 } ?? true
    }

    private func emitInner(_ inner: LoopAxis, _ start: Register, _ end: Register) throws {
        guard lanes > 1 else {
            return try builder.loop(from: start, to: end) { try emitPoint(inner, $0, nil) }
        }
        let length = builder.sub(end, start)
        let whole = builder.add(start, builder.mul(builder.div(length, builder.int(lanes)), lanes))
        try builder.loop(from: start, to: whole, step: lanes) { try emitPoint(inner, $0, nil) }
        if isWhole(inner) { return }
        try builder.loop(from: whole, to: end, step: lanes) { try emitPoint(inner, $0, builder.sub(end, $0)) }
    }

    private func emitPoint(_ inner: LoopAxis, _ index: Register, _ active: Register?) throws {
        try emitter.scoped {
            emitter.set(inner.symbol, index)
            if lanes > 1 { emitter.vectorAxis = .init(symbol: inner.symbol, lanes: lanes, active: active) }
            defer { emitter.vectorAxis = nil }
            try emitter.store(try emitter.value(nest.root), nest.storeOffset, elementType)
        }
    }

    // MARK: Kept rows

    /// Finds costly values that a row reduction computes and the inner loop needs again.
    private mutating func planKeptRows() {
        guard let inner, lanes > 1 else { return }
        for node in nest.body.nodes.indices {
            guard case .reduce(_, let axes, let value, let type) = nest.body.nodes[node], axes.count == 1,
                !nest.dependences[node].contains(inner.symbol), axes[0].extent == inner.extent,
                ReductionEmitter.isRowVectorised(axes, value, type, nest, emitter.lowering)
            else { continue }
            for costly in costlyNodes(under: value) {
                guard let twin = nest.twin(of: costly, replacing: axes[0].symbol, by: inner.symbol), twin != costly,
                    !kept.contains(where: { $0.twin == twin })
                else { continue }
                kept.append((costly, twin, scratch))
                scratch = scratch + (inner.extent * 4).ceilDivided(by: 64) * 64
            }
        }
    }

    /// The outermost costly nodes below a node.
    private func costlyNodes(under node: Int) -> [Int] {
        if case .apply(let function, _, let type) = nest.body.nodes[node], function.isExpensive, type == .float32 {
            return [node]
        }
        if case .reduce = nest.body.nodes[node] { return [] }
        return nest.body.operands(of: node).flatMap(costlyNodes)
    }

    /// Stores kept values as the reductions' loops compute them.
    private func prepareKeptRows() {
        guard !kept.isEmpty else { return }
        let offsets = Dictionary(kept.map { ($0.node, $0.offset) }, uniquingKeysWith: { first, _ in first })
        emitter.onValue = { [emitter, builder] node, register in
            guard let offset = offsets[node], let axis = emitter.vectorAxis,
                let index = emitter.register(of: axis.symbol)
            else { return }
            let row = builder.address(builder.scratch, emitter.scalar(offset))
            let address = builder.address(row, builder.mul(index, 4))
            if let active = axis.active {
                builder.store(register, address, first: active)
            } else {
                builder.store(register, address)
            }
        }
    }

    // MARK: Estimates

    private var points: IntExpr { nest.axes.reduce(1) { $0 * $1.extent } }

    /// Elements times functions; reductions count their axes.
    private var work: IntExpr {
        var total: IntExpr = 0
        for node in nest.body.nodes.indices {
            switch nest.body.nodes[node] {
            case .apply(let function, _, _): total += IntExpr(function.isExpensive ? 16 : 1)
            case .reduce(_, let axes, _, _): total += axes.reduce(1) { $0 * $1.extent }
            default: break
            }
        }
        return points * total
    }

    private var traffic: IntExpr {
        let loads = nest.body.nodes.indices.reduce(into: 0) { total, node in
            if case .load(_, _, let type) = nest.body.nodes[node] { total += max(type.bitWidth / 8, 1) }
        }
        return points * IntExpr(loads + max(elementType.bitWidth / 8, 1))
    }

    // MARK: Reasons

    /// What was not vectorised, and why.
    private var reasons: [String] {
        guard let inner, lanes == 1, inner.extent.constant ?? 2 > 1 else { return emitter.reasons }
        let isContiguous = nest.storeOffset.coefficients(of: inner.symbol)?.linear == 1
        let refusal =
            isContiguous
            ? Vectorisation.refusal(nest.root, along: inner.symbol, in: nest)
            : "the elements of its innermost axis are not neighbours in memory"
        return emitter.reasons + (refusal.map { ["not vectorised: \($0)"] } ?? [])
    }
}
