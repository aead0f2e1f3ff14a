import MartletCore
import MartletIR
import MartletLibrary

/// Nodes that decide and leaves have numbers of their own.
enum TreeEnsemble: ONNXOperator {
    static let domain = "ai.onnx.ml"
    static let versions = [5]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let trees = try trees(node)
        let number = try node.int("aggregate_function", default: 1)
        let transforms: [ScoreTransform] = [.none, .softmax, .logistic, .softmaxZero, .probit]
        let transform = try node.int("post_transform", default: 0)
        guard let aggregate = DecisionTrees.Aggregate(rawValue: number), transforms.indices.contains(transform) else {
            throw Diagnostic("onnx.attribute", "aggregate_function \(number) or post_transform \(transform) is unknown")
        }
        return [try trees(x, aggregate).scores(transforms[transform])]
    }

    private static func trees(_ node: ImportedNode) throws -> DecisionTrees {
        func list(_ name: String) throws -> [Int] { try node.required(name, try node.ints(name)) }
        func numbers(_ name: String) throws -> [Double] { try node.required(name, try node.tensor(name)).doubles() }
        let modes = try numbers("nodes_modes").map { Int($0) }
        let features = try list("nodes_featureids"), splits = try numbers("nodes_splits")
        let sides = [
            (leaf: try list("nodes_trueleafs"), target: try list("nodes_truenodeids")),
            (leaf: try list("nodes_falseleafs"), target: try list("nodes_falsenodeids")),
        ]
        let missing = try node.ints("nodes_missing_value_tracks_true") ?? Array(repeating: 0, count: modes.count)
        let targets = try list("leaf_targetids"), weights = try numbers("leaf_weights")
        let count = modes.count
        guard [features.count, splits.count, missing.count].allSatisfy({ $0 == count }), targets.count == weights.count,
            sides.allSatisfy({ $0.leaf.count == count && $0.target.count == count })
        else { throw Diagnostic("onnx.trees", "the lists of nodes or leaves differ in length") }
        var sets = try membershipSets(node)[...]
        var nodes = try (0..<count).map { place in
            guard let mode = DecisionTrees.Mode(rawValue: modes[place]), mode != .leaf else {
                throw Diagnostic("onnx.trees", "mode \(modes[place]) of a node is unknown")
            }
            func next(_ side: Int) throws -> Int {
                let number = sides[side].target[place]
                let isLeaf = sides[side].leaf[place] != 0
                guard number >= 0, number < (isLeaf ? targets.count : count) else {
                    throw Diagnostic("onnx.trees", "a node leads to \(number), which does not exist")
                }
                return isLeaf ? count + number : number
            }
            var result = DecisionTrees.Node(mode, next: try next(0), other: try next(1))
            (result.feature, result.split) = (features[place], splits[place])
            result.takesMissing = missing[place] != 0
            if mode == .member { result.members = sets.popFirst() ?? [] }
            return result
        }
        for leaf in targets.indices { nodes.append(DecisionTrees.Node(.leaf, next: count + leaf, other: count + leaf)) }
        let votes = targets.indices.map {
            DecisionTrees.Vote(leaf: count + $0, target: targets[$0], weight: weights[$0])
        }
        let number = try node.int("n_targets") ?? (targets.max() ?? 0) + 1
        return try DecisionTrees(nodes: nodes, roots: try list("tree_roots"), votes: votes, targets: number)
    }

    /// Values between NaNs.
    private static func membershipSets(_ node: ImportedNode) throws -> [[Double]] {
        guard let values = try node.tensor("membership_values")?.doubles() else { return [] }
        return values.split(omittingEmptySubsequences: false, whereSeparator: \.isNaN).map { Array($0) }
    }
}

extension ImportedNode {
    /// Trees whose leaves are nodes, with votes by lists named `prefix` and weights by `weights`.
    fileprivate func trees(_ prefix: String, weights name: String, targets: Int) throws -> DecisionTrees {
        func list(_ name: String) throws -> [Int] { try required(name, try ints(name)) }
        let ids = zip(try list("nodes_treeids"), try list("nodes_nodeids")).map { NodeKey(tree: $0, node: $1) }
        let numbers = Dictionary(zip(ids, ids.indices), uniquingKeysWith: { first, _ in first })
        let modes = try required("nodes_modes", try strings("nodes_modes"))
        let features = try list("nodes_featureids")
        let splits = try required("nodes_values", try self.numbers("nodes_values"))
        let sides = [try list("nodes_truenodeids"), try list("nodes_falsenodeids")]
        let missing =
            try ints("nodes_missing_value_tracks_true").flatMap { $0.isEmpty ? nil : $0 }
            ?? Array(repeating: 0, count: ids.count)
        let counts = [modes.count, features.count, splits.count, missing.count, sides[0].count, sides[1].count]
        guard numbers.count == ids.count, counts.allSatisfy({ $0 == ids.count }) else {
            throw Diagnostic("onnx.trees", "the lists of nodes differ in length, or a node is there twice")
        }
        var children: Set<Int> = []
        let nodes = try ids.indices.map { place -> DecisionTrees.Node in
            guard let mode = DecisionTrees.Mode(name: modes[place]) else {
                throw Diagnostic("onnx.trees", "mode '\(modes[place])' of a node is unknown")
            }
            if mode == .leaf { return DecisionTrees.Node(.leaf, next: place, other: place) }
            let next = try sides.map { side in
                guard let number = numbers[NodeKey(tree: ids[place].tree, node: side[place])] else {
                    throw Diagnostic("onnx.trees", "a node leads to \(side[place]), which does not exist")
                }
                return number
            }
            children.formUnion(next)
            var result = DecisionTrees.Node(mode, next: next[0], other: next[1])
            (result.feature, result.split) = (features[place], splits[place])
            result.takesMissing = missing[place] != 0
            return result
        }
        let leaves = zip(try list("\(prefix)_treeids"), try list("\(prefix)_nodeids"))
            .map { NodeKey(tree: $0, node: $1) }
        let votesFor = try list("\(prefix)_ids")
        let weights = try required(name, try self.numbers(name))
        guard leaves.count == votesFor.count, weights.count == votesFor.count else {
            throw Diagnostic("onnx.trees", "the lists of votes differ in length")
        }
        let votes = try leaves.indices.map { place in
            guard let leaf = numbers[leaves[place]] else { throw Diagnostic("onnx.trees", "a vote is of no node") }
            return DecisionTrees.Vote(leaf: leaf, target: votesFor[place], weight: weights[place])
        }
        let roots = ids.indices.filter { !children.contains($0) }
        guard Set(roots.map { ids[$0].tree }).count == roots.count, roots.count == Set(ids.map(\.tree)).count else {
            throw Diagnostic("onnx.trees", "a tree has no root, or several")
        }
        return try DecisionTrees(nodes: nodes, roots: roots, votes: votes, targets: targets)
    }
}

/// Numbers of nodes count within their tree.
private struct NodeKey: Hashable {
    let tree: Int
    let node: Int
}

extension DecisionTrees.Mode {
    fileprivate init?(name: String) {
        switch name {
        case "BRANCH_LEQ": self = .lessOrEqual
        case "BRANCH_LT": self = .less
        case "BRANCH_GTE": self = .greaterOrEqual
        case "BRANCH_GT": self = .greater
        case "BRANCH_EQ": self = .equal
        case "BRANCH_NEQ": self = .notEqual
        case "LEAF": self = .leaf
        default: return nil
        }
    }
}

/// Version 3 takes numbers of double precision as tensors.
enum TreeEnsembleRegressor: ONNXOperator {
    static let domain = "ai.onnx.ml"
    static let versions = [1, 3, 5]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let targets = try node.int("n_targets", default: 1)
        let trees = try node.trees("target", weights: "target_weights", targets: targets)
        let aggregates: [String: DecisionTrees.Aggregate] = [
            "AVERAGE": .average, "SUM": .sum, "MIN": .min, "MAX": .max,
        ]
        let name = try node.string("aggregate_function", default: "SUM")
        guard let aggregate = aggregates[name] else {
            throw Diagnostic("onnx.attribute", "aggregate_function '\(name)' is unknown")
        }
        var result = try trees(try node.features(), aggregate).cast(to: .float32)
        if let base = try node.numbers("base_values"), !base.isEmpty {
            guard base.count == targets else {
                throw Diagnostic("onnx.attribute", "\(base.count) base values for \(targets) targets")
            }
            result = try (result + Tensor(HostTensor.fromDoubles(base, as: .float32, shape: [targets]))).checked()
        }
        return [try result.scores(node.scoreTransform())]
    }
}

/// Version 3 takes numbers of double precision as tensors.
enum TreeEnsembleClassifier: ONNXOperator {
    static let domain = "ai.onnx.ml"
    static let versions = [1, 3, 5]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let labels = try node.classLabels("classlabels_int64s", "classlabels_strings")
        let trees = try node.trees("class", weights: "class_weights", targets: labels.labels.count)
        let result = try trees.classes(
            try node.features(), labels: labels.labels, base: try node.numbers("base_values") ?? [],
            transform: try node.scoreTransform())
        return [labels.areTexts ? nil : result.labels, result.scores]
    }
}
