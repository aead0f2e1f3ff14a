import MartletCore
import MartletIR

/// What the sequential templates share: operands and a result in strided places, addressed by index registers.
struct PlacedKernel {
    let builder = VectorBuilder()
    let emitter: ScalarEmitter
    /// Places of the operands, then of the result; some operands may be written too.
    let places: [MemoryPlace]
    let machine: VectorMachine
    var lowering: ScalarLowering { emitter.lowering }
    /// Position of the result.
    var result: Int { places.count - 1 }

    init(operands: [MemoryPlace], result: MemoryPlace, ranges: SymbolRanges, machine: VectorMachine) {
        places = operands + [result]
        self.machine = machine
        // The emitter reads sizes and pointers for a nest that has no nodes of its own.
        var body = ScalarBody()
        let root = body.add(.index(0))
        let type = TensorType(.int64, [])
        let group = FusedGroup(
            result: ValueID(-1), type: type, axes: [], body: body, root: root, operands: [], anchor: nil, origins: [])
        let nest = LoopNest(group, operands: [], result: .rowMajor(type), order: [], ranges: ranges)
        emitter = ScalarEmitter(nest, operandCount: operands.count, machine: machine, builder: builder)
    }

    // MARK: Memory

    /// Bytes of an element in memory.
    func width(_ position: Int) throws -> Int { try lowering.memoryType(places[position].type).bitWidth / 8 }

    /// The address of an element.
    func address(_ position: Int, _ index: [Register]) throws -> Register {
        var offset = builder.int(0)
        for (coordinate, stride) in zip(index, places[position].strides) {
            offset = builder.add(offset, builder.mul(coordinate, emitter.scalar(stride)))
        }
        return builder.address(emitter.pointers[position], builder.mul(offset, try width(position)))
    }

    /// The bytes between neighbours along an axis.
    func step(_ position: Int, axis: Int) throws -> Register {
        builder.mul(emitter.scalar(places[position].strides[axis]), try width(position))
    }

    /// What memory holds at an address, as it is.
    func raw(_ position: Int, _ address: Register, lanes: Int = 1) throws -> Register {
        builder.load(VectorType(try lowering.memoryType(places[position].type), lanes: lanes), address)
    }

    /// The value of an element, or of neighbouring elements.
    func load(_ position: Int, _ address: Register, lanes: Int = 1) throws -> Register {
        lowering.afterLoad(try raw(position, address, lanes: lanes), places[position].type)
    }

    func store(_ value: Register, _ position: Int, _ address: Register) {
        builder.store(lowering.beforeStore(value, places[position].type), address)
    }

    // MARK: Grid

    /// Coordinates of a linear number within `extents`, the last one fastest.
    func split(_ number: Register, _ extents: [IntExpr]) -> [Register] {
        var rest = number
        var coordinates: [Register] = []
        for (axis, extent) in extents.enumerated().reversed() {
            let size = emitter.scalar(extent)
            coordinates.insert(axis == 0 ? rest : builder.rem(rest, size), at: 0)
            if axis > 0 { rest = builder.div(rest, size) }
        }
        return coordinates
    }

    /// Loops over all points of `extents` in row-major order.
    func forEachPoint(_ extents: [IntExpr], _ body: ([Register]) throws -> Void) rethrows {
        try forEachPoint(extents[...], [], body)
    }

    private func forEachPoint(
        _ extents: ArraySlice<IntExpr>, _ outer: [Register], _ body: ([Register]) throws -> Void
    ) rethrows {
        guard let extent = extents.first else { return try body(outer) }
        try builder.loop(from: builder.int(0), to: emitter.scalar(extent)) { coordinate in
            try forEachPoint(extents.dropFirst(), outer + [coordinate], body)
        }
    }

    /// Ends the kernel.
    func finish(grid: IntExpr, scratch: IntExpr = 0, work: IntExpr, note: String) -> GeneratedKernel {
        let bytes = places.reduce(0 as IntExpr) { $0 + GraphLowering.byteCount(TensorType($1.type, $1.extents)) }
        return GeneratedKernel(
            function: builder.finish(name: "k"), words: emitter.words, packing: [:], grid: grid, scratch: scratch,
            flops: work, bytes: bytes, note: note)
    }
}

extension ScalarLowering {
    /// The element as a double, exactly.
    func toDouble(_ value: Register) -> Register { builder.convert(value, to: .f64) }

    /// The double rounded once to a floating-point element type, held as its register is.
    func fromDouble(_ value: Register, _ type: ElementType) -> Register {
        switch type {
        case .float64: return value
        case .float32: return builder.convert(value, to: .f32)
        default: return rounded(roundedToOdd(value), type)
        }
    }

    /// The double cut to f32 with the last bit set where something was cut off.
    ///
    /// Rounding that to a type of at most 22 bits is the same as rounding the double: Boldo and Melquiond, "When double
    /// rounding is odd", IMACS 2005.
    private func roundedToOdd(_ value: Register) -> Register {
        let near = builder.convert(value, to: .f32)
        let back = builder.convert(near, to: .f64)
        let bits = builder.bitcast(near, to: builder.type(of: near).with(scalar: .i32))
        let isBeyond = builder.compare(.ogt, builder.unary(.fabs, back), builder.unary(.fabs, value))
        let above = builder.compare(.ogt, back, value), below = builder.compare(.olt, back, value)
        let isInexact = builder.binary(.or, above, below)
        let cut = builder.sub(bits, builder.convert(.zext, isBeyond, to: .i32))
        let odd = builder.binary(.or, cut, builder.convert(.zext, isInexact, to: .i32))
        return builder.bitcast(odd, to: builder.type(of: near))
    }
}

extension MemoryPlace {
    /// Extents without those of the given axes.
    func extents(without axes: [Int]) -> [IntExpr] {
        extents.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
    }
}
