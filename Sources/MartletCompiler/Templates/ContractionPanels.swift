import MartletCore
import MartletIR

extension ContractionTemplate {
    /// A packed panel.
    struct Panel {
        let pointer: Register
        /// The first of its columns.
        let column: Register
        /// What the sums begin with, a vector of columns each; zero where there are none.
        let start: [Register]
        /// Where to look ahead while a tile walks it: each step asks for one cache line from here on.
        var ahead: Register?
    }

    /// The panel of that number, packed if need be.
    func panel(_ number: Register) throws -> Panel {
        let column = builder.mul(number, columns)
        emitter.set(shape.column.symbol, column)
        let pointer = try panelPointer(number, column)
        return Panel(pointer: pointer, column: column, start: terms.raisesRows ? compensation(pointer) : [])
    }

    /// -128 times the sum of each column: what sums with raised rows hold too much.
    private func compensation(_ panel: Register) -> [Register] {
        let zero = builder.constant(bits: 0, accumulator)
        let weight = builder.bitcast(raise, to: terms.operandType)
        let sums = builder.loop(
            from: builder.int(0), to: emitter.scalar(panelSize), step: builder.int(stepBytes),
            carrying: [Register](repeating: zero, count: tile.vectors)
        ) { offset, sums in
            sums.indices.map { position in
                let address = builder.address(builder.address(panel, offset), position * machine.vectorBytes)
                return builder.dot(.u8s8, sums[position], weight, builder.load(terms.operandType, address))
            }
        }
        return sums.map { builder.sub(zero, $0) }
    }

    /// 128 in each byte: added to signed bytes by exclusive or, or as a weight of 128.
    var raise: Register { builder.constant(bits: 0x8080_8080, VectorType(.i32, lanes: lanes)) }

    // MARK: Looking ahead

    /// Whether two panels have room in the second cache.
    var looksAhead: Bool { panelSize.constant.map { $0 <= TileShape.pairedBytes } ?? false }

    /// Bytes of a cache line.
    static let lineBytes = 64

    /// The first tiles of a panel's last rows ask for the next panel, which may still lie in memory: a line a step, so
    /// that as many tiles as a step has lines bring all of it. The others ask for what is at hand.
    func nextPanel(_ rows: Register, _ panel: Register, _ isLast: Register) -> Register {
        let size = emitter.scalar(panelSize)
        let lines = (stepBytes + Self.lineBytes - 1) / Self.lineBytes
        let tiles = builder.div(rows, builder.int(tile.rows))
        let isEarly = builder.binary(.and, isLast, builder.compare(.slt, tiles, builder.int(lines)))
        let steps = builder.div(size, builder.int(stepBytes))
        let offset = builder.add(size, builder.mul(builder.mul(tiles, steps), Self.lineBytes))
        return builder.select(isEarly, builder.address(panel, offset), panel)
    }

    // MARK: Packing

    private func panelPointer(_ panelIndex: Register, _ column: Register) throws -> Register {
        guard panelIsConstant else { return try packPanel(column) }
        var index = panelIndex
        for axis in shape.batch where panelOffset.contains(axis.symbol) {
            guard let variable = emitter.register(of: axis.symbol) else { continue }
            index = builder.add(builder.mul(variable, emitter.scalar(panels)), index)
        }
        let bytes = builder.mul(index, emitter.scalar(panelSize))
        return builder.address(emitter.pointers[panelOperand], bytes)
    }

    /// How the constant panel factor is laid out: batch axis, panels, taps, depth, columns, terms of a step.
    var recipe: PackingRecipe? {
        let batch = shape.batch.filter { panelOffset.contains($0.symbol) }
        guard batch.count <= 1, let panelCount = panels.constant, let stepCount = steps.constant else { return nil }
        let outer = batch + shape.taps
        let extents = outer.compactMap(\.extent.constant)
        guard extents.count == outer.count else { return nil }
        var packed = extents
        packed.insert(panelCount, at: batch.count)
        var variables: [Symbol: IntExpr] = [:]
        for (position, axis) in outer.enumerated() {
            variables[axis.symbol] = IntExpr(.axis(position < batch.count ? position : position + 1))
        }
        var term: IntExpr = 0
        if let depth = shape.depth {
            term = IntExpr(.axis(packed.count)) * IntExpr(terms.terms)
            packed.append(stepCount)
            if terms.terms > 1 { term += IntExpr(.axis(packed.count + 1)) }
            variables[depth.symbol] = term
        }
        let column = IntExpr(.axis(batch.count)) * IntExpr(columns) + IntExpr(.axis(packed.count))
        packed.append(columns)
        var guards = [IndexGuard(column, below: shape.column.extent)]
        if terms.terms > 1 {
            packed.append(terms.terms)
            guards.append(IndexGuard(term, below: depth))
        }
        variables[shape.column.symbol] = column
        return PackingRecipe(
            extents: packed, index: [panelOffset.substituting { variables[$0] ?? ($0.isAxis ? 0 : nil) }],
            guards: guards, type: shape.panel.type)
    }

    /// Copies the panel into scratch memory; columns behind the last are zero.
    private func packPanel(_ column: Register) throws -> Register {
        let destination = packedRegion
        let memory = try emitter.lowering.memoryType(shape.panel.type)
        let count = builder.sub(emitter.scalar(shape.column.extent), column)
        let stride = panelOffset.coefficients(of: shape.column.symbol)?.linear ?? 1
        emitLoops(shape.taps[...] + (shape.depth.map { [$0] } ?? []), builder.int(0)) { position in
            let source = builder.address(
                emitter.pointers[panelOperand], builder.mul(emitter.scalar(panelOffset), panelWidth))
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
}
