import MartletCore
import MartletIR

/// Running combinations along one axis: a loop a line, or a loop for neighbouring lines at once.
///
/// Sums and products of floating-point elements are kept in f64 and each element is rounded once.
struct ScanTemplate {
    private let kernel: PlacedKernel
    private let combiner: Combiner
    private let axis: Int
    private var builder: VectorBuilder { kernel.builder }
    private var lowering: ScalarLowering { kernel.lowering }
    private var type: ElementType { kernel.places[1].type }
    private var extents: [IntExpr] { kernel.places[0].extents }

    /// Makes the kernel of `cumulate`.
    static func kernel(
        _ combiner: Combiner, axis: Int, operand: MemoryPlace, result: MemoryPlace, ranges: SymbolRanges,
        machine: VectorMachine
    ) throws -> GeneratedKernel {
        let kernel = PlacedKernel(operands: [operand], result: result, ranges: ranges, machine: machine)
        return try ScanTemplate(kernel: kernel, combiner: combiner, axis: axis).generate()
    }

    /// Whether sums are kept wider than the elements.
    private var isWide: Bool { type.isFloatingPoint && (combiner == .sum || combiner == .prod) }

    /// Lanes of neighbouring lines; 1 where the last axis is the scanned one or not contiguous.
    private var lanes: Int {
        guard axis != extents.count - 1, lowering.isVectorisable(type),
            kernel.places.allSatisfy({ $0.strides.last == 1 })
        else { return 1 }
        return kernel.machine.vectorBytes / (isWide ? 8 : type.bitWidth / 8)
    }

    private func generate() throws -> GeneratedKernel {
        let lanes = lanes
        let last = extents.count - 1
        // The last axis is cut into blocks of lanes; a rest is done line by line.
        var lines = extents
        lines[axis] = 1
        if lanes > 1 { lines[last] = extents[last].ceilDivided(by: IntExpr(lanes)) }
        try builder.loop(from: builder.first, to: builder.last) { point in
            var index = kernel.split(point, lines)
            index[axis] = builder.int(0)
            guard lanes > 1 else { return try emitLine(index, lanes: 1) }
            let start = builder.mul(index[last], lanes)
            let end = builder.add(start, lanes)
            let extent = kernel.emitter.scalar(extents[last])
            index[last] = start
            try builder.branch(builder.compare(.sle, end, extent)) {
                try emitLine(index, lanes: lanes)
                return []
            } else: {
                try builder.loop(from: start, to: extent) { position in
                    try emitLine(index.dropLast() + [position], lanes: 1)
                }
                return []
            }
        }
        let grid = lines.reduce(1) { $0 * $1 }
        return kernel.finish(
            grid: grid, work: extents.reduce(1) { $0 * $1 } * 4, note: "scan, \(lanes) lanes")
    }

    /// One line, or as many neighbouring lines as there are lanes, from the element at `index`.
    private func emitLine(_ index: [Register], lanes: Int) throws {
        let source = try kernel.address(0, index), target = try kernel.address(1, index)
        let sourceStep = try kernel.step(0, axis: axis), targetStep = try kernel.step(1, axis: axis)
        let extent = kernel.emitter.scalar(extents[axis])
        try builder.loop(
            from: builder.int(0), to: extent, step: builder.int(1), carrying: [start(lanes)]
        ) { position, carried in
            let element = try kernel.load(
                0, builder.address(source, builder.mul(position, sourceStep)), lanes: lanes)
            let value = isWide ? lowering.toDouble(element) : element
            let next = lowering.combine(combiner, carried[0], value, type)
            let rounded = isWide ? lowering.fromDouble(next, type) : next
            kernel.store(rounded, 1, builder.address(target, builder.mul(position, targetStep)))
            return [next]
        }
    }

    /// What leaves the first element as it is; for sums that is -0.
    private func start(_ lanes: Int) -> Register {
        guard type.isFloatingPoint, combiner == .sum else {
            return lowering.identity(combiner, isWide ? .float64 : type, lanes: lanes)
        }
        return builder.float(-0.0, VectorType(.f64, lanes: lanes))
    }
}
