import MartletCore
import MartletIR

/// Places the row axes of a flat row index.
enum RowAxes {
    static func place(_ axes: [LoopAxis], _ index: Register, _ emitter: ScalarEmitter) {
        let builder = emitter.builder
        var rest = index
        for (position, axis) in axes.enumerated().reversed() {
            let extent = emitter.scalar(axis.extent)
            emitter.set(axis.symbol, position == 0 ? rest : builder.rem(rest, extent))
            if position > 0 { rest = builder.div(rest, extent) }
        }
    }
}

/// What is done with a finished tile: the rest of the group on each vector, then the store.
struct TileEpilogue {
    let emitter: ScalarEmitter
    let nest: LoopNest
    let shape: ContractionShape
    let resultType: ElementType
    let lanes: Int
    let vectors: Int
    private var builder: VectorBuilder { emitter.builder }

    /// Epilogues of more than this many loads and stores a tile, or with costly functions, are looped over.
    private static let unrolledAccesses = 100

    init(
        emitter: ScalarEmitter, nest: LoopNest, shape: ContractionShape, resultType: ElementType, lanes: Int,
        vectors: Int
    ) {
        self.emitter = emitter
        self.nest = nest
        self.shape = shape
        self.resultType = resultType
        self.lanes = lanes
        self.vectors = vectors
    }

    private var columns: Int { vectors * lanes }
    private var isWhole: Bool { shape.column.extent.constant.map { $0 % columns == 0 } ?? false }

    func emit(_ sums: [Register], _ first: Register, _ height: Int, _ column: Register) throws {
        if mustLoop(height) { return try emitLooped(sums, first, height, column) }
        for vector in 0..<vectors {
            try columnScope(builder.add(column, vector * lanes)) {
                for row in 0..<height {
                    try finish(sums[row * vectors + vector], builder.add(first, row))
                }
            }
        }
    }

    private func mustLoop(_ height: Int) -> Bool {
        var loads = 1
        for node in nest.body.nodes.indices where node > shape.anchor {
            if case .apply(let function, _, _) = nest.body.nodes[node], function.isExpensive { return true }
            if case .load = nest.body.nodes[node] { loads += 1 }
        }
        return loads * height * vectors > Self.unrolledAccesses
    }

    /// Through scratch memory, one vector at a time.
    private func emitLooped(_ sums: [Register], _ first: Register, _ height: Int, _ column: Register) throws {
        let width = emitter.lowering.registerType(shape.type).scalar.bitWidth / 8
        for (position, sum) in sums.enumerated() {
            builder.store(sum, builder.address(builder.scratch, position * lanes * width))
        }
        let type = emitter.lowering.registerType(shape.type, lanes: lanes)
        try builder.loop(from: builder.int(0), to: builder.int(vectors)) { vector in
            try columnScope(builder.add(column, builder.mul(vector, lanes))) {
                try builder.loop(from: builder.int(0), to: builder.int(height)) { row in
                    let position = builder.add(builder.mul(row, vectors), vector)
                    let address = builder.address(builder.scratch, builder.mul(position, lanes * width))
                    try finish(builder.load(type, address), builder.add(first, row))
                }
            }
        }
    }

    private func columnScope(_ column: Register, _ body: () throws -> Void) throws {
        try emitter.scoped {
            emitter.set(shape.column.symbol, column)
            let active = isWhole ? nil : builder.sub(emitter.scalar(shape.column.extent), column)
            emitter.vectorAxis = .init(symbol: shape.column.symbol, lanes: lanes, active: active)
            defer { emitter.vectorAxis = nil }
            if !shape.rows.isEmpty { try emitter.hoist(nest.root, outOf: Set(shape.rows.map(\.symbol))) }
            try body()
        }
    }

    private func finish(_ sum: Register, _ row: Register) throws {
        try emitter.scoped {
            RowAxes.place(shape.rows, row, emitter)
            emitter.define(shape.anchor, emitter.lowering.fromAccumulator(sum, shape.type))
            try emitter.store(try emitter.value(nest.root), nest.storeOffset, resultType)
        }
    }
}
