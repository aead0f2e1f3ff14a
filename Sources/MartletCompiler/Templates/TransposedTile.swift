import MartletCore
import MartletIR

/// Loads whose operand is contiguous along another axis than the result: read as vectors along that *cross* axis, a square
/// of them at a time, and transposed in registers.
///
/// A square has as many rows as vectors have lanes. Where more is done than copying, the transposed vectors wait in
/// scratch memory, so that the body is emitted once, in a loop over them.
struct TransposedTile {
    /// The axis that the operands are contiguous along.
    let cross: LoopAxis
    /// The loads; all are computed whatever the guards say.
    private let loads: [Int]
    private let nest: LoopNest
    private let inner: LoopAxis
    private let lanes: Int

    /// Finds such loads of a nest that is vectorised along `inner`; nil where there are none, or an axis is too short.
    init?(_ nest: LoopNest, inner: LoopAxis, lanes: Int) {
        let strided = Self.plainLoads(nest).filter { Self.isStrided($0, nest, inner.symbol) }
        guard lanes > 1, Self.fits(inner, lanes), let first = strided.first,
            let cross = nest.axes.dropLast().first(where: {
                Self.isUnit(first, nest, $0.symbol) && Self.fits($0, lanes)
            })
        else { return nil }
        (self.nest, self.inner, self.lanes, self.cross) = (nest, inner, lanes, cross)
        loads = strided.filter { Self.isUnit($0, nest, cross.symbol) }
    }

    /// Loads of the result that no guard, reduction or data-dependent index stands before.
    private static func plainLoads(_ nest: LoopNest) -> [Int] {
        var needed: Set<Int> = [nest.root]
        var loads: [Int] = []
        for node in nest.body.nodes.indices.reversed() where needed.contains(node) {
            switch nest.body.nodes[node] {
            case .load: loads.append(node)
            case .apply(_, let operands, _): needed.formUnion(operands)
            default: break
            }
        }
        return loads.reversed()
    }

    private static func isStrided(_ load: Int, _ nest: LoopNest, _ inner: Symbol) -> Bool {
        guard let linear = nest.offsets[load]?.coefficients(of: inner)?.linear else { return false }
        return linear != 0 && linear != 1
    }

    private static func isUnit(_ load: Int, _ nest: LoopNest, _ cross: Symbol) -> Bool {
        nest.offsets[load]?.coefficients(of: cross)?.linear == 1
    }

    private static func fits(_ axis: LoopAxis, _ lanes: Int) -> Bool { (axis.extent.constant ?? lanes) >= lanes }

    /// Bytes of scratch memory.
    var scratch: Int { isCopy ? 0 : loads.count * lanes * lanes * 8 }

    private var isCopy: Bool { loads.contains(nest.root) }

    /// Emits the square that begins where the emitter's registers of both axes stand; `finish` stores the root's value.
    func emit(_ emitter: ScalarEmitter, finish: () throws -> Void) throws {
        guard let first = emitter.register(of: cross.symbol) else { return }
        let builder = emitter.builder
        let squares = try loads.map { try transposed(vectors(of: $0, emitter), builder) }
        if isCopy {
            for row in 0..<lanes {
                try emitRow(builder.add(first, row), squares.map { $0[row] }, emitter, finish)
            }
            return
        }
        keep(squares, builder)
        try builder.loop(from: builder.int(0), to: builder.int(lanes)) { row in
            let values = squares.enumerated().map { position, square in
                builder.load(builder.type(of: square[0]), address(position, row, builder))
            }
            try emitRow(builder.add(first, row), values, emitter, finish)
        }
    }

    /// One vector of the result, at a place of the cross axis, with the loads' values there.
    private func emitRow(
        _ place: Register, _ values: [Register], _ emitter: ScalarEmitter, _ finish: () throws -> Void
    ) throws {
        try emitter.scoped {
            emitter.set(cross.symbol, place)
            emitter.vectorAxis = .init(symbol: inner.symbol, lanes: lanes, active: nil)
            defer { emitter.vectorAxis = nil }
            for (load, value) in zip(loads, values) {
                emitter.define(load, emitter.lowering.afterLoad(value, nest.body.type(of: load)))
            }
            try finish()
        }
    }

    /// The square of a load as it lies in memory: a vector along the cross axis for each place on the inner axis.
    private func vectors(of load: Int, _ emitter: ScalarEmitter) throws -> [Register] {
        guard case .load(let operand, _, let type) = nest.body.nodes[load], let offset = nest.offsets[load],
            let stride = offset.coefficients(of: inner.symbol)?.linear
        else { return [] }
        let builder = emitter.builder
        let memory = try emitter.lowering.memoryType(type)
        let width = memory.bitWidth / 8
        let start = builder.address(emitter.pointers[operand], builder.mul(emitter.scalar(offset), width))
        let bytes = builder.mul(emitter.scalar(stride), width)
        return (0..<lanes).map {
            builder.load(VectorType(memory, lanes: lanes), builder.address(start, builder.mul(bytes, $0)))
        }
    }

    /// Exchanges the off-diagonal blocks of half the size, then of a quarter, down to single elements.
    private func transposed(_ vectors: [Register], _ builder: VectorBuilder) -> [Register] {
        var rows = vectors
        var half = lanes / 2
        while half > 0 {
            let upper = (0..<lanes).map { $0 & half == 0 ? $0 : lanes + $0 - half }
            let lower = (0..<lanes).map { $0 & half == 0 ? $0 + half : lanes + $0 }
            for row in rows.indices where row & half == 0 {
                let (a, b) = (rows[row], rows[row + half])
                rows[row] = builder.shuffle(a, b, upper)
                rows[row + half] = builder.shuffle(a, b, lower)
            }
            half /= 2
        }
        return rows
    }

    private func keep(_ squares: [[Register]], _ builder: VectorBuilder) {
        for (position, square) in squares.enumerated() {
            for (row, value) in square.enumerated() {
                builder.store(value, address(position, builder.int(row), builder))
            }
        }
    }

    private func address(_ square: Int, _ row: Register, _ builder: VectorBuilder) -> Register {
        let start = builder.address(builder.scratch, square * lanes * lanes * 8)
        return builder.address(start, builder.mul(row, lanes * 8))
    }
}
