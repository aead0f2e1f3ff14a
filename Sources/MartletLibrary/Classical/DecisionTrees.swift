import MartletCore
public import MartletIR

/// Decision trees as tables; nodes of all trees are numbered together.
public struct DecisionTrees: Sendable {
    /// When a node's first branch is taken.
    public enum Mode: Int, Sendable {
        case lessOrEqual, less, greaterOrEqual, greater, equal, notEqual, member
        /// The node decides nothing.
        case leaf
    }

    /// A node.
    public struct Node: Sendable {
        public var mode: Mode
        public var feature = 0
        public var split = 0.0
        /// Where to go on; a leaf's own number.
        public var next: Int
        public var other: Int
        /// Whether a missing feature (NaN) takes the first branch.
        public var takesMissing = false
        /// The values of mode `member`.
        public var members: [Double] = []

        /// Makes a node.
        public init(_ mode: Mode, next: Int, other: Int) { (self.mode, self.next, self.other) = (mode, next, other) }
    }

    /// What a leaf adds to a target.
    public struct Vote: Sendable {
        public var leaf: Int
        public var target: Int
        public var weight: Double

        /// Makes a vote.
        public init(leaf: Int, target: Int, weight: Double) {
            (self.leaf, self.target, self.weight) = (leaf, target, weight)
        }
    }

    /// How the votes of the trees are combined.
    public enum Aggregate: Int, Sendable { case average, sum, min, max }

    public let nodes: [Node]
    public let roots: [Int]
    public let votes: [Vote]
    public let targets: Int
    /// Decisions on the longest way from a root to a leaf.
    let depth: Int

    /// Describes trees.
    ///
    /// - Throws: `type.trees` if numbers are out of range, or branches lead back.
    public init(nodes: [Node], roots: [Int], votes: [Vote], targets: Int) throws {
        let range = nodes.indices
        guard targets > 0, targets < 1 << 20, !roots.isEmpty, roots.allSatisfy(range.contains),
            nodes.allSatisfy({ range.contains($0.next) && range.contains($0.other) && $0.feature >= 0 }),
            votes.allSatisfy({ range.contains($0.leaf) && (0..<targets).contains($0.target) })
        else { throw Diagnostic("type.trees", "a node, root, target or feature of the trees is out of range") }
        (self.nodes, self.roots, self.votes, self.targets) = (nodes, roots, votes, targets)
        depth = try Self.depth(nodes, roots)
    }

    private static func depth(_ nodes: [Node], _ roots: [Int]) throws -> Int {
        var level = Set(roots)
        var depth = 0
        while true {
            let inner = level.filter { nodes[$0].mode != .leaf }
            if inner.isEmpty { return depth }
            depth += 1
            guard depth <= nodes.count else { throw Diagnostic("type.trees", "branches of a tree lead back") }
            level = Set(inner.flatMap { [nodes[$0].next, nodes[$0].other] })
        }
    }
}

// MARK: - Evaluation

extension DecisionTrees {
    /// Trees of more decisions are walked by a loop.
    private static let unrolledDepth = 8

    /// The combined votes (rows, targets) for rows of features, in the type of the features.
    public func callAsFunction(_ x: Tensor, _ aggregate: Aggregate) throws -> Tensor {
        let rows = try x.rank == 1 ? x.unsqueezed(axes: [0]) : x
        guard try rows.rank == 2 else { throw Diagnostic("type.rank", "features must be a matrix") }
        let grid = [try rows.shape[0], IntExpr(roots.count)]
        let start = try table(roots).broadcast(to: grid, axes: [1])
        let walk = try TreeWalk(self, rows, grid)
        var leaves = start
        if depth <= Self.unrolledDepth {
            for _ in 0..<depth { leaves = try walk.step(leaves) }
        } else {
            leaves = try Tensor.loop(
                trip: IntExpr(depth), condition: nil, states: [start], scanned: []
            ) { _, states, _ in (nil, [try walk.step(states[0])], []) }.states[0]
        }
        return try combined(leaves, aggregate, type: rows.element)
    }

    func table(_ values: [Int]) throws -> Tensor {
        Tensor(try HostTensor(values.map { Int64($0) }, shape: [values.count]))
    }

    private func combined(_ leaves: Tensor, _ aggregate: Aggregate, type: ElementType) throws -> Tensor {
        // Votes are looked up by rank among the leaves that have any; the first row belongs to all others.
        var rank = [Int](repeating: 0, count: nodes.count)
        let voting = Set(votes.map(\.leaf)).sorted()
        for (place, leaf) in voting.enumerated() { rank[leaf] = place + 1 }
        let none: Double =
            switch aggregate {
            case .average, .sum: 0
            case .min: .infinity
            case .max: -.infinity
            }
        let (size, overflow) = (voting.count + 1).multipliedReportingOverflow(by: targets)
        guard !overflow, size <= 1 << 31 else { throw Diagnostic("type.trees", "the trees have too many votes") }
        var weights = [Double](repeating: none, count: size)
        for vote in votes {
            let place = rank[vote.leaf] * targets + vote.target
            switch aggregate {
            case .average, .sum: weights[place] += vote.weight
            case .min: weights[place] = Swift.min(weights[place], vote.weight)
            case .max: weights[place] = Swift.max(weights[place], vote.weight)
            }
        }
        let all = Tensor(try HostTensor.fromDoubles(weights, as: type, shape: [voting.count + 1, targets]))
        let places = try table(rank).gathered([leaves], axes: [0], mode: .clamp)
        let own = try all.gathered([places], axes: [0], mode: .clamp)
        switch aggregate {
        case .sum: return try own.reduced(.sum, axes: [1])
        case .average: return try (own.reduced(.sum, axes: [1]) / Double(roots.count)).checked()
        case .min, .max:
            let best = try own.reduced(aggregate == .min ? .min : .max, axes: [1])
            let nothing = try Tensor(none, as: type)
            return try Tensor.select(best.compared(.eq, nothing), Tensor(0, as: type), best)
        }
    }
}

/// Takes one decision of every tree for every row.
private struct TreeWalk {
    private let trees: DecisionTrees
    private let rows: Tensor
    private let grid: [IntExpr]
    private let modes: [DecisionTrees.Mode]
    private let features: Tensor, splits: Tensor, next: Tensor, other: Tensor, mode: Tensor, missing: Tensor?
    private let sets: (table: Tensor, place: Tensor)?

    init(_ trees: DecisionTrees, _ rows: Tensor, _ grid: [IntExpr]) throws {
        (self.trees, self.rows, self.grid) = (trees, rows, grid)
        let nodes = trees.nodes
        modes = Set(nodes.map(\.mode)).filter { $0 != .leaf }.sorted { $0.rawValue < $1.rawValue }
        features = try trees.table(nodes.map(\.feature))
        splits = Tensor(try HostTensor.fromDoubles(nodes.map(\.split), as: rows.element, shape: [nodes.count]))
        (next, other) = (try trees.table(nodes.map(\.next)), try trees.table(nodes.map(\.other)))
        mode = try trees.table(nodes.map(\.mode.rawValue))
        let takes = nodes.map(\.takesMissing)
        missing = takes.contains(true) ? Tensor(try HostTensor(takes, shape: [takes.count])) : nil
        sets = modes.contains(.member) ? try Self.sets(trees, rows.element) : nil
    }

    /// The sets of all nodes as rows of one length, filled up with NaN, and each node's row.
    private static func sets(_ trees: DecisionTrees, _ type: ElementType) throws -> (table: Tensor, place: Tensor) {
        let members = trees.nodes.map(\.members).filter { !$0.isEmpty }
        let width = max(1, members.map(\.count).max() ?? 1)
        let rows = [[Double]([.nan])] + members
        let values = rows.flatMap { $0 + Array(repeating: .nan, count: width - $0.count) }
        var row = 0
        let places = trees.nodes.map { node -> Int in
            if node.members.isEmpty { return 0 }
            row += 1
            return row
        }
        return (
            Tensor(try HostTensor.fromDoubles(values, as: type, shape: [rows.count, width])), try trees.table(places)
        )
    }

    func step(_ node: Tensor) throws -> Tensor {
        func look(_ table: Tensor) throws -> Tensor { try table.gathered([node], axes: [0], mode: .clamp) }
        let row = try Tensor.iota(shape: grid, axis: 0)
        let value = try rows.gathered([row, try look(features)], axes: [0, 1], mode: .check)
        let split = try look(splits)
        var decision = try compared(modes.first ?? .lessOrEqual, value, split, node)
        if modes.count > 1 {
            let own = try look(mode)
            for mode in modes.dropFirst() {
                let isOwn = try own.compared(.eq, .number(mode.rawValue))
                decision = try Tensor.select(isOwn, compared(mode, value, split, node), decision)
            }
        }
        if let missing, try value.element.isFloatingPoint {
            decision = try decision.mapped(.or, value.isNaN().mapped(.and, look(missing)))
        }
        return try Tensor.select(decision, look(next), look(other))
    }

    private func compared(
        _ mode: DecisionTrees.Mode, _ value: Tensor, _ split: Tensor, _ node: Tensor
    ) throws -> Tensor {
        switch mode {
        case .lessOrEqual, .leaf: return try value.compared(.le, split)
        case .less: return try value.compared(.lt, split)
        case .greaterOrEqual: return try value.compared(.ge, split)
        case .greater: return try value.compared(.gt, split)
        case .equal: return try value.compared(.eq, split)
        case .notEqual: return try value.compared(.ne, split)
        case .member:
            guard let sets else { return try value.compared(.eq, split) }
            let place = try sets.place.gathered([node], axes: [0], mode: .clamp)
            let members = try sets.table.gathered([place], axes: [0], mode: .clamp)
            return try members.compared(.eq, value.unsqueezed(axes: [2])).reduced(.or, axes: [2])
        }
    }
}
