import MartletCore
import MartletIR

extension ContractionTemplate {
    /// What a row of a tile needs inside the loops.
    private struct Row {
        /// Address at the first tap and depth.
        let pointer: Register
        /// Values of the guards without the taps' part.
        let guards: [Register]
    }

    func emitTile(_ first: Register, _ height: Int, _ panel: Panel, _ block: RowBlock) throws {
        try emitter.scoped {
            for axis in shape.taps + (shape.depth.map { [$0] } ?? []) { emitter.set(axis.symbol, builder.int(0)) }
            let rows = rowAddresses(first, height, block)
            let zero = builder.constant(bits: 0, accumulator)
            let start = panel.start.isEmpty ? [Register](repeating: zero, count: tile.vectors) : panel.start
            let sums = try sum(
                shape.taps[...], rows, panel, builder.int(0), builder.int(0),
                rows.first.map { $0.guards.map { _ in builder.int(0) } } ?? [], (0..<height).flatMap { _ in start })
            try TileEpilogue(
                emitter: emitter, nest: nest, shape: shape, resultType: resultType, lanes: lanes, vectors: tile.vectors
            ).emit(sums, first, height, panel.column)
        }
    }

    private func rowAddresses(_ first: Register, _ height: Int, _ block: RowBlock) -> [Row] {
        if let packed = block.packed {
            let start = builder.address(packed, builder.mul(builder.sub(first, block.start), packedRowBytes))
            return (0..<height).map { Row(pointer: builder.address(start, $0 * packedRowBytes), guards: []) }
        }
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
                        pointer: builder.address(emitter.pointers[shape.row.operand ?? 0], offset),
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
        let stepCount = builder.mul(position, emitter.scalar(steps))
        let start = builder.address(panel.pointer, builder.mul(stepCount, stepBytes))
        let ahead = panel.ahead.map { builder.address($0, builder.mul(stepCount, Self.lineBytes)) }
        let stride = builder.mul(emitter.scalar(depthStride), rowWidth * terms.terms)
        let inside = rows.map { isInside($0, guardOffsets) }
        var pointers = rows.map { builder.address($0.pointer, builder.mul(offset, rowWidth)) }
        if isGuarded { pointers = zip(pointers, inside).map { builder.select($1 ?? builder.int(1, .flag), $0, zeros) } }
        if isGuarded && zeroBytes == nil {
            return try sumWithCarriedPointers(pointers, inside, start, stride, emitter.scalar(depth), sums)
        }
        let next = { (index: Register, count: Int, carried: [Register]) in
            let bytes = builder.mul(index, stride)
            let addresses = pointers.map { builder.address($0, bytes) }
            if let ahead { builder.prefetch(builder.address(ahead, builder.mul(index, Self.lineBytes))) }
            return try step(addresses, count, builder.address(start, builder.mul(index, stepBytes)), carried)
        }
        return try sumSteps(sums, next)
    }

    /// The steps along the depth, the last one with what is left of the terms.
    private func sumSteps(
        _ sums: [Register], _ step: (_ index: Register, _ terms: Int, _ sums: [Register]) throws -> [Register]
    ) throws -> [Register] {
        guard let count = depth.constant else {
            return try builder.loop(
                from: builder.int(0), to: emitter.scalar(depth), step: builder.int(1), carrying: sums
            ) { try step($0, terms.terms, $1) }
        }
        let (whole, rest) = count.quotientAndRemainder(dividingBy: terms.terms)
        var result = sums
        if whole <= Self.unrolledDepth {
            result = try (0..<whole).reduce(result) { try step(builder.int($1), terms.terms, $0) }
        } else {
            result = try builder.loop(
                from: builder.int(0), to: builder.int(whole), step: builder.int(1), carrying: result
            ) { try step($0, terms.terms, $1) }
        }
        return rest == 0 ? result : try step(builder.int(whole), rest, result)
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
                current, 1, builder.address(start, builder.mul(k, stepBytes)), Array(carried[..<sums.count]))
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

    /// One step of depth: a vector of each panel column group times one element, or `count` terms, of each row.
    private func step(
        _ rows: [Register], _ count: Int, _ panel: Register, _ sums: [Register]
    ) throws -> [Register] {
        if let opcode = terms.opcode { return try dotStep(opcode, rows, count, panel, sums) }
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

    /// The terms of a row are broadcast as one word.
    private func dotStep(
        _ opcode: DotOpcode, _ rows: [Register], _ count: Int, _ panel: Register, _ sums: [Register]
    ) throws -> [Register] {
        let vectors = (0..<tile.vectors).map { position in
            let address = builder.address(panel, position * machine.vectorBytes)
            return builder.bitcast(builder.load(VectorType(.i32, lanes: lanes), address), to: terms.operandType)
        }
        var result = sums
        for (index, address) in rows.enumerated() {
            var word = builder.splat(try rowWord(address, count), lanes: lanes)
            if terms.raisesRows { word = builder.binary(.xor, word, raise) }
            let row = builder.bitcast(word, to: terms.operandType)
            for position in 0..<tile.vectors {
                let sum = index * tile.vectors + position
                let (first, second) = terms.isSwapped ? (vectors[position], row) : (row, vectors[position])
                result[sum] = builder.dot(opcode, result[sum], first, second)
            }
        }
        return result
    }

    /// `count` neighbouring elements in the low bits of a word; nothing is read behind them.
    private func rowWord(_ address: Register, _ count: Int) throws -> Register {
        let word = VectorType(.i32)
        if count == terms.terms { return builder.load(word, address, align: rowWidth) }
        let element = VectorType(try emitter.lowering.memoryType(shape.row.type))
        return (0..<count).reduce(builder.int(0, word)) { result, position in
            let loaded = builder.load(element, builder.address(address, position * rowWidth))
            let wide = builder.convert(.zext, loaded, to: .i32)
            let shift = builder.int(position * rowWidth * 8, word)
            let placed = position == 0 ? wide : builder.binary(.shl, wide, shift)
            return position == 0 ? placed : builder.binary(.or, result, placed)
        }
    }

    private func converted(_ value: Register, _ type: ElementType) throws -> Register {
        type == shape.type ? value : try CastLowering(emitter.lowering).cast(value, from: type, to: shape.type)
    }
}
