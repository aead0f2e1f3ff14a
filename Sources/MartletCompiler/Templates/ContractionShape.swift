import MartletCore
import MartletIR

/// A contraction or convolution, recognised by the pattern of its axes: which factor is walked by which axis.
///
/// The *row* factor is read element by element and broadcast, the *panel* factor is read as vectors along the column axis.
/// Fails (nil) where the group has no such shape; the general template then takes it.
struct ContractionShape {
    /// A factor of the product: a load, perhaps converted, perhaps zero outside its border; or a narrow value that is
    /// computed from loads, before its conversion.
    struct Factor {
        /// The node of the load, or of the computed value.
        let load: Int
        /// The operand that is loaded; nil for a computed value.
        let operand: Int?
        let type: ElementType
        let guards: [IndexGuard]
        var isComputed: Bool { operand == nil }

        /// Variables that the value depends on, apart from its guards.
        func symbols(_ nest: LoopNest) -> Set<Symbol> {
            isComputed ? nest.dependences[load] : Set(nest.offsets[load]?.symbols ?? [])
        }
    }

    let row: Factor
    let panel: Factor
    /// The anchor and its accumulator type.
    let anchor: Int
    let type: ElementType
    /// Walked by vectors: in the panel factor only, innermost in memory.
    let column: LoopAxis
    /// Walked by tiles: in the row factor only.
    let rows: [LoopAxis]
    /// In both factors, in neither, or further axes of the panel factor.
    let batch: [LoopAxis]
    /// Reduced axes but the innermost, outermost first.
    let taps: [LoopAxis]
    /// The innermost reduced axis; nil for a sum of one term.
    let depth: LoopAxis?

    init?(_ nest: LoopNest) {
        guard let anchor = nest.anchor, let column = nest.axes.last,
            case .reduce(.sum, let reduced, let product, let type) = nest.body.nodes[anchor],
            let factors = nest.body.factors(product),
            let first = ContractionShape.factor(factors.0, nest), let second = ContractionShape.factor(factors.1, nest),
            nest.storeOffset.coefficients(of: column.symbol)?.linear == 1
        else { return nil }
        let inFirst = first.symbols(nest).contains(column.symbol)
        let inSecond = second.symbols(nest).contains(column.symbol)
        guard inFirst != inSecond else { return nil }
        (row, panel) = inFirst ? (second, first) : (first, second)
        (self.anchor, self.type, self.column) = (anchor, type, column)
        guard !panel.isComputed, let panelOffset = nest.offsets[panel.load] else { return nil }
        let rowOffset = nest.offsets[row.load] ?? 0
        let rest = nest.axes.dropLast()
        let guardSymbols = Set(row.guards.flatMap { $0.expression.symbols })
        let rowSymbols = row.symbols(nest).union(guardSymbols)
        let rows = rest.filter { rowSymbols.contains($0.symbol) && !panelOffset.contains($0.symbol) }
        self.rows = rows
        batch = rest.filter { !rows.contains($0) }
        let live = reduced.filter { $0.extent.constant != 1 }
        let innermost = ContractionShape.innermost(live, rowOffset, guardSymbols)
        depth = innermost
        taps = live.filter { $0 != innermost }
        guard ContractionShape.isRegular(nest, rowOffset, panelOffset, self), panel.guards.isEmpty else { return nil }
        if row.isComputed {
            guard let innermost, taps.isEmpty, Vectorisation.isPossible(row.load, along: innermost.symbol, in: nest)
            else { return nil }
        }
    }

    /// The reduced axis along which the row factor is contiguous and unguarded.
    private static func innermost(_ axes: [LoopAxis], _ offset: IntExpr, _ guarded: Set<Symbol>) -> LoopAxis? {
        let free = axes.filter { !guarded.contains($0.symbol) }
        return free.last { offset.coefficients(of: $0.symbol)?.linear == 1 } ?? free.last
    }

    /// All offsets and guards are affine in all axes that they mention.
    private static func isRegular(
        _ nest: LoopNest, _ row: IntExpr, _ panel: IntExpr, _ shape: ContractionShape
    ) -> Bool {
        let axes = shape.rows + shape.batch + [shape.column] + shape.taps + (shape.depth.map { [$0] } ?? [])
        let expressions = [row, panel] + shape.row.guards.map(\.expression)
        let affine = expressions.allSatisfy { expression in
            axes.allSatisfy { expression.coefficients(of: $0.symbol) != nil }
        }
        let known = Set(axes.map(\.symbol))
        let closed = expressions.allSatisfy {
            $0.symbols.allSatisfy { !$0.isAxis || known.contains($0) || isUnit($0, nest) }
        }
        let columnFree = shape.row.guards.allSatisfy { !$0.expression.contains(shape.column.symbol) }
        return affine && closed && columnFree
    }

    private static func isUnit(_ symbol: Symbol, _ nest: LoopNest) -> Bool {
        let bounds = nest.ranges[symbol]
        return bounds.lower == 0 && bounds.upper == 0
    }

    private static func factor(_ node: Int, _ nest: LoopNest) -> Factor? {
        if let value = nest.body.computedFactor(node) {
            return Factor(load: value, operand: nil, type: nest.body.type(of: value), guards: [])
        }
        var node = node
        var guards: [IndexGuard] = []
        while true {
            switch nest.body.nodes[node] {
            case .load(let operand, _, let type):
                return Factor(load: node, operand: operand, type: type, guards: guards)
            case .apply(.cast, let operands, _): node = operands[0]
            case .guarded(let conditions, let value, let otherwise):
                guard case .constant(let bits, _) = nest.body.nodes[otherwise], bits == 0 else { return nil }
                guards += conditions
                node = value
            default: return nil
            }
        }
    }
}

/// Rows and vectors of a register tile.
struct TileShape: Hashable {
    let rows: Int
    let vectors: Int

    /// Rows of the remainder tiles that follow the main ones, for `count` rows; powers of two where it is not known.
    func remainders(_ count: Int?) -> [Int] {
        if let count { return count % rows == 0 ? [] : [count % rows] }
        var heights: [Int] = []
        var height = 1
        while height < rows {
            heights.insert(height, at: 0)
            height *= 2
        }
        return heights
    }

    /// The tile with the least estimated time for `rows` rows, `columns` columns and sums of `terms` terms; typical
    /// numbers are assumed where they are not known.
    ///
    /// A tile fits where `rows·vectors + vectors + 1` registers do.
    static func best(rows: Int?, columns: Int?, terms: Int?, machine: VectorMachine, laneBytes: Int) -> TileShape {
        var best = TileShape(rows: 1, vectors: 1)
        var bestTime = Double.infinity
        for vectors in [4, 3, 2, 1, 6, 8] {
            for height in [6, 8, 7, 5, 4, 3, 2, 1, 9, 12, 14] where height * vectors + vectors + 1 <= machine.registers
            {
                let tile = TileShape(rows: height, vectors: vectors)
                let lanes = machine.vectorBytes / laneBytes
                let time = tile.time(
                    rows: rows ?? 250, columns: columns ?? 1000, terms: terms ?? 256, lanes: lanes, machine: machine)
                if time < bestTime * 0.999 {
                    best = tile
                    bestTime = time
                }
            }
        }
        return best
    }

    /// Bytes of a panel that are still in the second cache when the next tile reads it.
    private static let nearBytes = 5 << 17
    /// Bytes a cycle from the cache behind it.
    private static let farRate = 20.0
    /// Bytes of panels of which that cache holds two.
    static let pairedBytes = 3 << 17

    /// Estimated cycles for all, per term of the sums.
    private func time(rows count: Int, columns: Int, terms: Int, lanes: Int, machine: VectorMachine) -> Double {
        let panels = (columns + lanes * vectors - 1) / (lanes * vectors)
        let panelBytes = vectors * machine.vectorBytes
        let supply = panelBytes * terms > Self.nearBytes ? Double(panelBytes) / Self.farRate : 0
        var steps = Double(count / rows) * max(Self.step(rows, vectors), supply)
        if count % rows > 0 { steps += max(Self.step(count % rows, vectors), supply) }
        return Double(panels) * steps
    }

    /// A step of a tile takes as long as its multiply-adds (two a cycle), its loads, or the latency of one
    /// multiply-add, whichever is longest.
    private static func step(_ rows: Int, _ vectors: Int) -> Double {
        max(Double(rows * vectors) / 2, Double(rows + vectors) / 2 + 0.5, 4)
    }
}
