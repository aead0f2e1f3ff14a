import MartletCore
import MartletIR

/// Emits reductions inside a loop nest.
///
/// Where the reduction depends on the vectorised axis, its loops are scalar and the accumulator a vector. Where it does
/// not, and nothing else is vectorised, its own last axis is vectorised: lanes accumulate apart and are combined pairwise.
struct ReductionEmitter {
    private let emitter: ScalarEmitter
    private var builder: VectorBuilder { emitter.builder }
    private var nest: LoopNest { emitter.nest }

    init(_ emitter: ScalarEmitter) { self.emitter = emitter }

    func reduce(_ combiner: Combiner, _ axes: [LoopAxis], _ inner: Int, _ type: ElementType) throws -> Register {
        try ifRunning(axes, { try sum(combiner, axes, inner, type) }) { lanes in
            emitter.lowering.fromAccumulator(emitter.lowering.identity(combiner, type, lanes: lanes), type)
        }
    }

    /// What the loops give if they have a turn, else what an empty reduction gives.
    private func ifRunning(
        _ axes: [LoopAxis], _ loops: () throws -> Register, otherwise: (_ lanes: Int) -> Register
    ) throws -> Register {
        guard let condition = emitter.runs(axes) else { return try loops() }
        var lanes = 1
        return try builder.branch(
            condition,
            then: {
                let result = try emitter.scoped { try loops() }
                lanes = builder.type(of: result).lanes
                return [result]
            }, else: { [otherwise(lanes)] })[0]
    }

    private func sum(_ combiner: Combiner, _ axes: [LoopAxis], _ inner: Int, _ type: ElementType) throws -> Register {
        let outer = Set(axes.map(\.symbol))
        try emitter.hoist(inner, outOf: outer)
        if emitter.vectorAxis == nil, ReductionEmitter.isRowVectorised(axes, inner, type, nest, emitter.lowering) {
            return try reduceRow(combiner, axes, inner, type)
        }
        noteScalarRow(axes, inner)
        let lanes =
            nest.dependences[inner].contains { $0 == emitter.vectorAxis?.symbol } ? emitter.vectorAxis?.lanes ?? 1 : 1
        let start = emitter.lowering.identity(combiner, type, lanes: lanes)
        let result = try loops(axes[...], [start]) { carried in
            [try accumulate(combiner, carried[0], inner, type)]
        }[0]
        return emitter.lowering.fromAccumulator(result, type)
    }

    /// Notes why a reduction outside of vectorised loops is one, element by element.
    private func noteScalarRow(_ axes: [LoopAxis], _ inner: Int) {
        guard emitter.vectorAxis == nil, let last = axes.last, last.extent.constant ?? Self.leastRow >= Self.leastRow,
            let refusal = Vectorisation.refusal(inner, along: last.symbol, in: nest)
        else { return }
        emitter.note("a reduction is not vectorised: \(refusal)")
    }

    /// Rows shorter than this are summed element by element.
    private static let leastRow = 4

    /// Whether a reduction outside of vectorised loops walks its last axis in vectors.
    static func isRowVectorised(
        _ axes: [LoopAxis], _ inner: Int, _ type: ElementType, _ nest: LoopNest, _ lowering: ScalarLowering
    ) -> Bool {
        guard let last = axes.last, last.extent.constant ?? leastRow >= leastRow else { return false }
        return lowering.isVectorisable(type) && Vectorisation.isPossible(inner, along: last.symbol, in: nest)
    }

    /// One more element: a product under a sum becomes a multiply-add.
    private func accumulate(_ combiner: Combiner, _ sum: Register, _ inner: Int, _ type: ElementType) throws -> Register
    {
        let lanes = builder.type(of: sum).lanes
        if combiner == .sum, type.isFloatingPoint,
            case .apply(.mul, let factors, _) = nest.body.nodes[inner]
        {
            let (a, b) = (try emitter.value(factors[0]), try emitter.value(factors[1]))
            return emitter.lowering.multiplyAdd(
                builder.splat(a, lanes: lanes), builder.splat(b, lanes: lanes), sum)
        }
        let value = builder.splat(try emitter.value(inner), lanes: lanes)
        return emitter.lowering.combine(combiner, sum, value, type)
    }

    /// Scalar loops over axes with carried registers.
    private func loops(
        _ axes: ArraySlice<LoopAxis>, _ initial: [Register], _ body: ([Register]) throws -> [Register]
    ) throws -> [Register] {
        guard let axis = axes.first else { return try body(initial) }
        let extent = emitter.scalar(axis.extent)
        return try builder.loop(from: builder.int(0), to: extent, step: builder.int(1), carrying: initial) {
            i, carried in
            try emitter.scoped {
                emitter.set(axis.symbol, i)
                return try loops(axes.dropFirst(), carried, body)
            }
        }
    }

    private func reduceRow(
        _ combiner: Combiner, _ axes: [LoopAxis], _ inner: Int, _ type: ElementType
    ) throws -> Register {
        let row = axes[axes.count - 1]
        let lanes = emitter.machine.lanes
        let start = emitter.lowering.identity(combiner, type, lanes: lanes)
        let sums = try loops(axes.dropLast(), [start]) { carried in
            try rowLoops(row, lanes, carried[0]) { sum, active in
                let next = try accumulate(combiner, sum, inner, type)
                guard let active else { return next }
                let inUse = builder.compare(.slt, builder.laneNumbers(lanes), builder.splat(active, lanes: lanes))
                return builder.select(inUse, next, sum)
            }
        }
        let total = builder.combineLanes(sums[0]) { emitter.lowering.combine(combiner, $0, $1, type) }
        return emitter.lowering.fromAccumulator(total, type)
    }

    /// The whole vectors of a row, then the rest with fewer lanes in use.
    private func rowLoops(
        _ axis: LoopAxis, _ lanes: Int, _ initial: Register,
        _ body: (_ sum: Register, _ active: Register?) throws -> Register
    ) throws -> [Register] {
        let extent = emitter.scalar(axis.extent)
        let whole = builder.mul(builder.div(extent, builder.int(lanes)), lanes)
        func turn(_ i: Register, _ sum: Register, _ active: Register?) throws -> [Register] {
            try emitter.scoped {
                emitter.set(axis.symbol, i)
                emitter.vectorAxis = .init(symbol: axis.symbol, lanes: lanes, active: active)
                defer { emitter.vectorAxis = nil }
                return [try body(sum, active)]
            }
        }
        let sums = try builder.loop(from: builder.int(0), to: whole, step: builder.int(lanes), carrying: [initial]) {
            try turn($0, $1[0], nil)
        }
        if let n = axis.extent.constant, n % lanes == 0 { return sums }
        return try builder.loop(from: whole, to: extent, step: builder.int(lanes), carrying: sums) { i, carried in
            try turn(i, carried[0], builder.sub(extent, i))
        }
    }

    func argReduce(_ maximum: Bool, _ lastTie: Bool, _ axes: [LoopAxis], _ inner: Int) throws -> Register {
        try ifRunning(axes, { try position(maximum, lastTie, axes, inner) }) { _ in builder.int(-1) }
    }

    private func position(_ maximum: Bool, _ lastTie: Bool, _ axes: [LoopAxis], _ inner: Int) throws -> Register {
        let type = nest.body.type(of: inner)
        try emitter.hoist(inner, outOf: Set(axes.map(\.symbol)))
        let lowering = emitter.lowering
        // The position counts up with the loops, so that its order is the row-major order of the axes.
        let start = [lowering.identity(maximum ? .max : .min, type, lanes: 1), builder.int(-1), builder.int(0)]
        let result = try loops(axes[...], start) { carried in
            let value = try emitter.value(inner)
            let wins = lowering.wins(value, over: carried[0], maximum: maximum, lastTie: lastTie, type)
            let isFirst = builder.compare(.slt, carried[1], builder.int(0))
            let take = builder.binary(.or, wins, isFirst)
            return [
                builder.select(take, value, carried[0]), builder.select(take, carried[2], carried[1]),
                builder.add(carried[2], 1),
            ]
        }
        return result[1]
    }
}

/// Whether a node can be computed for several neighbouring values of an axis at once.
enum Vectorisation {
    static func isPossible(_ node: Int, along symbol: Symbol, in nest: LoopNest) -> Bool {
        refusal(node, along: symbol, in: nest) == nil
    }

    /// Why a node's value cannot be computed in vectors along an axis; nil if it can.
    static func refusal(_ node: Int, along symbol: Symbol, in nest: LoopNest) -> String? {
        var seen: Set<Int> = []
        return refusal(node, symbol, nest, &seen)
    }

    private static func refusal(_ node: Int, _ symbol: Symbol, _ nest: LoopNest, _ seen: inout Set<Int>) -> String? {
        guard nest.dependences[node].contains(symbol), seen.insert(node).inserted else { return nil }
        switch nest.body.nodes[node] {
        case .load(let operand, _, _) where !isAffine(nest.offsets[node] ?? 0, symbol):
            return "operand \(operand) is read at places that are not equally spaced"
        case .index(let expression) where !isAffine(expression, symbol):
            return "a coordinate does not grow evenly"
        case .guarded(let guards, _, _)
        where guards.contains { !isAffine($0.expression, symbol) || $0.limit.contains(symbol) }:
            return "a border does not move evenly along its vectors"
        case .dynamic(_, let index, let limit, _, _)
        where nest.dependences[index].contains(symbol) || limit.contains(symbol):
            return "each element is read at an index from data"
        case .argreduce: return "it holds the position of an extreme"
        case .reduce(_, let axes, _, _) where axes.contains { $0.extent.contains(symbol) }:
            return "a reduction has another extent for each element"
        default: break
        }
        for operand in nest.body.operands(of: node) {
            if let found = refusal(operand, symbol, nest, &seen) { return found }
        }
        return nil
    }

    private static func isAffine(_ expression: IntExpr, _ symbol: Symbol) -> Bool {
        expression.coefficients(of: symbol) != nil
    }
}
