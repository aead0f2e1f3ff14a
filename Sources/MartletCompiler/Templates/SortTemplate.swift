import MartletCore
import MartletEngine
import MartletIR

/// Stable sort along an axis: each grid point sorts one line by merging, in scratch memory.
///
/// Elements become 64-bit integers that are ordered as the elements are. Those of at most 32 bits hold the position in
/// their low half; wider ones have it in a word of its own.
struct SortTemplate {
    private let kernel: PlacedKernel
    private let axis: Int
    private let descending: Bool
    private var builder: VectorBuilder { kernel.builder }
    private var type: ElementType { kernel.places[0].type }
    private var operand: MemoryPlace { kernel.places[0] }

    /// Positions of the operands and of the result in the kernel's places.
    private static let source = 0, positions = 1, values = 2

    /// Makes the kernel of `sort`: operands x and the positions, which are written, result the values.
    static func kernel(
        operand: MemoryPlace, positions: MemoryPlace, values: MemoryPlace, axis: Int, descending: Bool,
        ranges: SymbolRanges, machine: VectorMachine
    ) throws -> GeneratedKernel {
        let kernel = PlacedKernel(operands: [operand, positions], result: values, ranges: ranges, machine: machine)
        return try SortTemplate(kernel: kernel, axis: axis, descending: descending).generate()
    }

    private var isPacked: Bool { type.bitWidth <= 32 }
    private var entryBytes: Int { isPacked ? 8 : 16 }

    private func generate() throws -> GeneratedKernel {
        let extent = operand.extents[axis]
        let half = (extent * IntExpr(entryBytes)).ceilDivided(by: 64) * 64
        let rows = operand.extents(without: [axis])
        let length = kernel.emitter.scalar(extent)
        let passes = passCount(length)
        try builder.loop(from: builder.first, to: builder.last) { point in
            var index = kernel.split(point, rows)
            index.insert(builder.int(0), at: axis)
            if isPacked { checkLength(length, point) }
            let buffers = [builder.scratch, builder.address(builder.scratch, kernel.emitter.scalar(half))]
            try fill(buffers[0], index, length)
            let sorted = builder.loop(
                from: builder.int(0), to: passes, step: builder.int(1), carrying: [builder.int(1)] + buffers
            ) { _, state in
                merge(from: state[1], to: state[2], width: state[0], length)
                return [builder.add(state[0], state[0]), state[2], state[1]]
            }
            try write(sorted[1], index)
        }
        let count = rows.reduce(1) { $0 * $1 }
        return kernel.finish(grid: count, scratch: half * 2, work: count * extent * 400, note: "merge sort")
    }

    /// How often runs must be merged until one is left: ceil(log2(length)).
    private func passCount(_ length: Register) -> Register {
        if let known = builder.constantInt(length) {
            return builder.int(known > 1 ? Int.bitWidth - (known - 1).leadingZeroBitCount : 0)
        }
        return builder.loop(
            from: builder.int(0), to: builder.int(62), step: builder.int(1), carrying: [builder.int(1), builder.int(0)]
        ) { _, state in
            let isShort = builder.compare(.slt, state[0], length)
            let width = builder.select(isShort, builder.add(state[0], state[0]), state[0])
            return [width, builder.add(state[1], builder.convert(.zext, isShort, to: .i64))]
        }[1]
    }

    /// Positions must fit 32 bits.
    private func checkLength(_ length: Register, _ point: Register) {
        builder.branch(builder.compare(.ule, length, builder.int(1 << 32))) {
            []
        } else: {
            builder.violation(at: point, code: Int(Violation.shapeMismatch))
            return []
        }
    }

    // MARK: Keys

    private func entry(_ buffer: Register, _ position: Register) -> Register {
        builder.address(buffer, builder.mul(position, entryBytes))
    }

    private func fill(_ buffer: Register, _ index: [Register], _ length: Register) throws {
        let line = try kernel.address(Self.source, index)
        let step = try kernel.step(Self.source, axis: axis)
        try builder.loop(from: builder.int(0), to: length) { position in
            let value = try kernel.load(Self.source, builder.address(line, builder.mul(position, step)))
            var key = key(value)
            if descending { key = builder.binary(.xor, key, builder.int(-1)) }
            let target = entry(buffer, position)
            guard isPacked else {
                builder.store(key, target)
                return builder.store(position, builder.address(target, 8))
            }
            let shifted = builder.binary(.shl, key, builder.int(32))
            builder.store(builder.binary(.or, shifted, position), target)
        }
    }

    /// A signed integer ordered as the elements are: NaN greatest, -0 as +0.
    private func key(_ value: Register) -> Register {
        guard type.isFloatingPoint else {
            switch type {
            case .uint32:
                let flipped = builder.binary(.xor, value, builder.int(Int(Int32.min), VectorType(.i32)))
                return builder.convert(.sext, flipped, to: .i64)
            case .uint64: return builder.binary(.xor, value, builder.int(Int.min))
            default: return builder.convert(type.isSigned ? .sext : .zext, value, to: .i64)
            }
        }
        let kind = VectorType(builder.type(of: value).scalar == .f64 ? .i64 : .i32)
        let greatest = kind.scalar == .i64 ? Int.max : Int(Int32.max)
        let bits = builder.bitcast(value, to: kind)
        let zero = builder.int(0, kind)
        let magnitude = builder.binary(.and, bits, builder.int(greatest, kind))
        let isNegative = builder.compare(.slt, bits, zero)
        let ordered = builder.select(isNegative, builder.binary(.sub, zero, magnitude), bits)
        let isNaN = builder.compare(.une, value, value)
        return builder.convert(.sext, builder.select(isNaN, builder.int(greatest, kind), ordered), to: .i64)
    }

    // MARK: Merging

    /// Merges neighbouring runs of `width` elements.
    private func merge(from source: Register, to target: Register, width: Register, _ length: Register) {
        builder.loop(from: builder.int(0), to: length, step: builder.add(width, width)) { low, _ in
            let middle = builder.min(builder.add(low, width), length)
            let high = builder.min(builder.add(middle, width), length)
            builder.loop(from: low, to: high, step: builder.int(1), carrying: [low, middle]) { position, next in
                // A run that is used up is read at its last element again.
                let left = entry(source, builder.min(next[0], builder.add(middle, -1)))
                let right = entry(source, builder.min(next[1], builder.add(length, -1)))
                let keys = [builder.load(.index, left), builder.load(.index, right)]
                let isLeftOpen = builder.compare(.slt, next[0], middle)
                let isRightUsed = builder.compare(.sge, next[1], high)
                let isInOrder = builder.compare(.sle, keys[0], keys[1])
                let takesLeft = builder.binary(.and, isLeftOpen, builder.binary(.or, isRightUsed, isInOrder))
                copy(takesLeft, keys, [left, right], to: entry(target, position))
                let advance = builder.convert(.zext, takesLeft, to: .i64)
                return [builder.add(next[0], advance), builder.sub(builder.add(next[1], 1), advance)]
            }
            return []
        }
    }

    private func copy(_ takesLeft: Register, _ keys: [Register], _ places: [Register], to target: Register) {
        builder.store(builder.select(takesLeft, keys[0], keys[1]), target)
        if isPacked { return }
        let place = builder.select(takesLeft, places[0], places[1])
        builder.store(builder.load(.index, builder.address(place, 8)), builder.address(target, 8))
    }

    // MARK: Results

    /// The first elements of the sorted line and their positions.
    private func write(_ sorted: Register, _ index: [Register]) throws {
        let line = try kernel.address(Self.source, index)
        let step = try kernel.step(Self.source, axis: axis)
        let targets = try [Self.positions, Self.values].map { place in
            (start: try kernel.address(place, index), step: try kernel.step(place, axis: axis))
        }
        let count = kernel.emitter.scalar(kernel.places[Self.values].extents[axis])
        try builder.loop(from: builder.int(0), to: count) { rank in
            let place = entry(sorted, rank)
            let position =
                isPacked
                ? builder.binary(.and, builder.load(.index, place), builder.int(0xFFFF_FFFF))
                : builder.load(.index, builder.address(place, 8))
            let element = try kernel.raw(Self.source, builder.address(line, builder.mul(position, step)))
            builder.store(position, builder.address(targets[0].start, builder.mul(rank, targets[0].step)))
            builder.store(element, builder.address(targets[1].start, builder.mul(rank, targets[1].step)))
        }
    }
}
