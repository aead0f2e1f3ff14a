import MartletCore
import MartletEngine
import MartletIR

/// Combines updates into a tensor at positions that index tensors give, in row-major order of the indices.
///
/// The result already holds what the updates are combined into. Grid points own blocks of the axes that the indices do
/// not address, so that no two write the same element.
struct ScatterTemplate {
    private let kernel: PlacedKernel
    private let form: ScatterForm
    private var builder: VectorBuilder { kernel.builder }
    private var lowering: ScalarLowering { kernel.lowering }
    /// Axes of the result that the indices do not address.
    private let others: [Int]
    private var update: Int { form.axes.count }
    private var target: MemoryPlace { kernel.places[kernel.result] }

    /// Elements of the last free axis that a grid point owns.
    private static let block = 1024

    /// Makes the kernel of `scatter`. The result may be of a wider type than the updates.
    static func kernel(
        _ form: ScatterForm, indices: [MemoryPlace], update: MemoryPlace, result: MemoryPlace, ranges: SymbolRanges,
        machine: VectorMachine
    ) throws -> GeneratedKernel {
        let kernel = PlacedKernel(operands: indices + [update], result: result, ranges: ranges, machine: machine)
        let others = result.extents.indices.filter { !form.axes.contains($0) }
        return try ScatterTemplate(kernel: kernel, form: form, others: others).generate()
    }

    private init(kernel: PlacedKernel, form: ScatterForm, others: [Int]) {
        (self.kernel, self.form, self.others) = (kernel, form, others)
    }

    private func generate() throws -> GeneratedKernel {
        var points = others.map { target.extents[$0] }
        if let last = points.last { points[points.count - 1] = last.ceilDivided(by: IntExpr(Self.block)) }
        try builder.loop(from: builder.first, to: builder.last) { point in
            var free = kernel.split(point, points)
            var end = builder.int(1)
            if let last = others.last {
                free[free.count - 1] = builder.mul(free[free.count - 1], Self.block)
                end = builder.min(
                    builder.add(free[free.count - 1], Self.block), kernel.emitter.scalar(target.extents[last]))
            }
            try kernel.forEachPoint(kernel.places[0].extents) { index in
                try emitUpdate(index, free, end, point)
            }
        }
        let grid = points.reduce(1) { $0 * $1 }
        let count = kernel.places[update].extents.reduce(1) { $0 * $1 }
        return kernel.finish(
            grid: grid, work: count * 4 + kernel.places[0].extents.reduce(grid) { $0 * $1 } * 8,
            note: "scatter \(form.mode.rawValue)\(form.checked ? ", checked" : ""), \(lanes) lanes")
    }

    /// Combines the slice of one index tuple, from `free` to `end` on the last free axis, if the tuple is in range.
    private func emitUpdate(_ index: [Register], _ free: [Register], _ end: Register, _ point: Register) throws {
        var isInside: Register?
        var position: [Register] = []
        for (operand, axis) in form.axes.enumerated() {
            let loaded = try kernel.load(operand, kernel.address(operand, index))
            let coordinate = lowering.toIndex(loaded, kernel.places[operand].type)
            let test = builder.compare(.ult, coordinate, kernel.emitter.scalar(target.extents[axis]))
            isInside = isInside.map { builder.binary(.and, $0, test) } ?? test
            position.append(coordinate)
        }
        guard let isInside else { return }
        try builder.branch(isInside) {
            try emitSlice(index, position, free, end)
            return []
        } else: {
            if form.checked { builder.violation(at: point, code: Int(Violation.indexOutOfRange)) }
            return []
        }
    }

    private func emitSlice(_ index: [Register], _ position: [Register], _ free: [Register], _ end: Register) throws {
        var place = [Register](repeating: builder.int(0), count: target.extents.count)
        for (axis, coordinate) in zip(form.axes, position) { place[axis] = coordinate }
        for (axis, coordinate) in zip(others, free) { place[axis] = coordinate }
        let from = try kernel.address(update, index + free), to = try kernel.address(kernel.result, place)
        guard let last = others.last else { return try combine(from, to, lanes: 1) }
        let steps = (
            try kernel.step(update, axis: kernel.places[update].extents.count - 1),
            try kernel.step(kernel.result, axis: last)
        )
        let length = builder.sub(end, free[free.count - 1])
        let whole = builder.mul(builder.div(length, builder.int(lanes)), lanes)
        func emit(_ step: Register, _ lanes: Int) throws {
            try combine(
                builder.address(from, builder.mul(step, steps.0)), builder.address(to, builder.mul(step, steps.1)),
                lanes: lanes)
        }
        if lanes > 1 { try builder.loop(from: builder.int(0), to: whole, step: lanes) { try emit($0, lanes) } }
        try builder.loop(from: lanes > 1 ? whole : builder.int(0), to: length) { try emit($0, 1) }
    }

    /// Lanes along the last free axis; 1 where it is not contiguous.
    private var lanes: Int {
        guard let last = others.last, target.strides[last] == 1, kernel.places[update].strides.last == 1,
            lowering.isVectorisable(target.type), target.extents[last].constant ?? .max > 1
        else { return 1 }
        return kernel.machine.vectorBytes / (target.type.bitWidth / 8)
    }

    private func combine(_ from: Register, _ to: Register, lanes: Int) throws {
        if form.mode == .set { return builder.store(try kernel.raw(update, from, lanes: lanes), to) }
        let old = try kernel.load(kernel.result, to, lanes: lanes)
        var new = try kernel.load(update, from, lanes: lanes)
        if target.type != kernel.places[update].type { new = lowering.toDouble(new) }
        kernel.store(combined(old, new), kernel.result, to)
    }

    private func combined(_ old: Register, _ new: Register) -> Register {
        switch form.mode {
        case .set: return new
        case .add: return lowering.combine(.sum, old, new, target.type)
        case .mul: return lowering.combine(.prod, old, new, target.type)
        case .max: return lowering.combine(.max, old, new, target.type)
        case .min: return lowering.combine(.min, old, new, target.type)
        }
    }
}
