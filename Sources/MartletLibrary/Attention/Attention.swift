public import MartletCore
public import MartletIR

/// How queries attend keys.
public struct AttentionOptions: Sendable {
    /// Factor of the products; 1 / √(head size) by default.
    public var scale: Double?
    /// Whether a query attends no key behind its own position.
    public var isCausal = false
    /// Keys before and behind a query's position that it attends; all if nil.
    public var leftWindow: Int?, rightWindow: Int?
    /// Bound of the scores, by a scaled tanh; 0 for none.
    public var softcap = 0.0
    /// A type of softmax more exact than that of the scores, which is at least float32.
    public var softmaxType: ElementType?
    /// Whether masks with fewer entries than keys hide the other keys.
    public var padsMask = false

    /// The defaults.
    public init() {}

    /// Whether anything but a mask hides keys.
    var hidesKeys: Bool { isCausal || leftWindow != nil || rightWindow != nil }
}

/// A stage of the scores that can be looked at, in the order of the computation.
public enum AttentionStage: Int, Sendable {
    /// Scaled products of queries and keys.
    case products
    /// Behind the soft bound.
    case capped
    /// Behind masks.
    case masked
    /// Behind softmax.
    case probabilities
}

/// Queries, keys and values: (B, heads, length, size of a head). Heads of keys may serve several heads of queries.
public struct AttentionOperands: Sendable {
    public var query: Tensor, key: Tensor, value: Tensor
    /// Which keys count, or what is added to the scores; it broadcasts to (B, heads, queries, keys).
    public var mask: Tensor?
    /// Numbers of keys that count, from the first on: `i64[B]`.
    public var keyCounts: Tensor?
    /// Keys before the first query's position, where `keyCounts` does not tell.
    public var offset: IntExpr

    /// Collects the tensors.
    public init(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor? = nil, keyCounts: Tensor? = nil, offset: IntExpr = 0
    ) {
        (self.query, self.key, self.value, self.mask) = (query, key, value, mask)
        (self.keyCounts, self.offset) = (keyCounts, offset)
    }
}

/// What modifies scores or probabilities, tensors of the shape (B, heads, queries, keys).
public typealias ScoreModifier = (Tensor) throws -> Tensor

extension Tensor {
    /// Scaled dot-product attention: softmax(Q·Kᵀ·scale, masked)·V, with zeros for queries that attend no key.
    ///
    /// Scores are computed as float32, or float64 where the queries are.
    ///
    /// - Returns: (B, heads, queries, size of a value) in the queries' type, and the scores at `stage` in that type.
    public static func attention(
        _ operands: AttentionOperands, _ options: AttentionOptions = AttentionOptions(), stage: AttentionStage? = nil,
        score: ScoreModifier? = nil, probability: ScoreModifier? = nil
    ) throws -> (result: Tensor, scores: Tensor?) {
        let type = try operands.query.element
        let heads = try AttentionHeads(operands)
        var scores = try heads.scores(scale: options.scale)
        var shown = stage == .products ? scores : nil
        if options.softcap != 0 {
            scores = try ((scores / options.softcap).mapped(.tanh) * options.softcap).checked()
        }
        if stage == .capped { shown = scores }
        scores = try heads.masked(scores, options)
        if let score { scores = try score(scores.cast(to: options.softmaxType ?? scores.element)) }
        if stage == .masked { shown = scores }
        let inner = try scores.element
        if let wanted = options.softmaxType, wanted.bitWidth > inner.bitWidth { scores = try scores.cast(to: wanted) }
        var probabilities = try scores.guardedSoftmax().cast(to: inner)
        if stage == .probabilities { shown = probabilities }
        if let probability { probabilities = try probability(probabilities) }
        return (try heads.result(probabilities).cast(to: type), try shown?.cast(to: type))
    }

    /// Softmax along the last axis, 0 where all are -∞.
    private func guardedSoftmax() throws -> Tensor {
        let axes = [try rank - 1]
        return try inWideType { x in
            let (zero, one) = (try Tensor.constant(0, like: x), try Tensor.constant(1, like: x))
            let top = try x.reduced(.max, axes: axes, keepingAxes: true)
            let shift = try Tensor.select(top.compared(.eq, .constant(-.infinity, like: x)), zero, top)
            let powers = try (x - shift).mapped(.exp)
            let sum = try powers.reduced(.sum, axes: axes, keepingAxes: true)
            return try powers / Tensor.select(sum.compared(.eq, zero), one, sum)
        }
    }
}

/// The products of an attention, with heads of queries grouped by the head of keys that serves them.
private struct AttentionHeads {
    private let operands: AttentionOperands
    /// Type of the scores.
    private let type: ElementType
    private let query: [IntExpr], key: [IntExpr], value: [IntExpr]
    /// Heads of queries for each head of keys.
    private let share: IntExpr

    init(_ operands: AttentionOperands) throws {
        self.operands = operands
        type = try operands.query.element == .float64 ? .float64 : .float32
        (query, key, value) = (try operands.query.shape, try operands.key.shape, try operands.value.shape)
        guard query.count == 4, key.count == 4, value.count == 4 else {
            throw Diagnostic("type.rank", "queries, keys and values must have rank 4")
        }
        share = Sizes.simplified(query[1].floorDivided(by: key[1]))
        guard share.constant != 0 else {
            throw Diagnostic("type.heads", "\(query[1]) heads of queries for \(key[1]) heads of keys")
        }
        if let heads = query[1].constant, let keys = key[1].constant, heads % keys != 0 {
            throw Diagnostic("type.heads", "\(heads) heads of queries do not divide by \(keys) heads of keys")
        }
    }

    private var isGrouped: Bool { share != 1 }

    /// (B, heads, queries, keys).
    func scores(scale: Double?) throws -> Tensor {
        let groups =
            isGrouped
            ? try operands.query.reshaped(to: [query[0], key[1], share, query[2], query[3]]) : operands.query
        let last = isGrouped ? 4 : 3
        let wide = groups, keys = operands.key
        var product = try wide.contracted(
            with: keys.cast(to: wide.element), batch: [(0, 0), (1, 1)], contracted: [(last, 3)], result: type)
        if isGrouped { product = try product.reshaped(to: [query[0], query[1], query[2], key[2]]) }
        if let scale { return try (product * scale).checked() }
        if let size = Sizes.simplified(query[3]).constant {
            return try (product * (1 / Double(max(size, 1)).squareRoot())).checked()
        }
        return try (product / Tensor.size(query[3], as: type).mapped(.sqrt)).checked()
    }

    /// (B, heads, queries, size of a value).
    func result(_ probabilities: Tensor) throws -> Tensor {
        let values = try operands.value.cast(to: probabilities.element)
        let batch = [(0, 0), (1, 1)]
        if !isGrouped { return try probabilities.contracted(with: values, batch: batch, contracted: [(3, 2)]) }
        return try probabilities.reshaped(to: [query[0], key[1], share, query[2], key[2]])
            .contracted(with: values, batch: batch, contracted: [(4, 2)])
            .reshaped(to: [query[0], query[1], query[2], value[3]])
    }

    // MARK: Masks

    func masked(_ scores: Tensor, _ options: AttentionOptions) throws -> Tensor {
        var result = scores
        var allowed = try positions(options)
        if let mask = try operands.mask.map({ try padded($0, options) }) {
            if try mask.element == .bool {
                allowed = try allowed?.mapped(.and, mask) ?? mask
            } else {
                result = try result.mapped(.add, mask.cast(to: type))
            }
        }
        guard let allowed else { return result }
        return try Tensor.select(allowed, result, .constant(-.infinity, like: scores))
    }

    /// The mask with an entry for each key; those that it lacks are hidden.
    private func padded(_ mask: Tensor, _ options: AttentionOptions) throws -> Tensor {
        let shape = try mask.shape
        guard options.padsMask, let own = shape.last.map(Sizes.simplified), own != Sizes.simplified(key[2]) else {
            return mask
        }
        let none = shape.map { _ in IntExpr(0) }
        let missing = Sizes.simplified(.max(0, key[2] - own))
        let isLogical = try mask.element == .bool
        let fill = isLogical ? Tensor(HostTensor(scalar: false)) : try .constant(-.infinity, like: mask)
        return try mask.padded(low: none, high: none.dropLast() + [missing], with: fill)
    }

    /// Which keys a query may attend by its position: (1 or B, 1, queries, keys).
    private func positions(_ options: AttentionOptions) throws -> Tensor? {
        guard options.hidesKeys || operands.keyCounts != nil else { return nil }
        let batch = operands.keyCounts == nil ? IntExpr(1) : query[0]
        let shape = [batch, 1, query[2], key[2]]
        let keys = try Tensor.iota(shape: shape, axis: 3)
        var rules: [Tensor] = []
        var place = try Tensor.iota(shape: shape, axis: 2)
        if let counts = try operands.keyCounts?.cast(to: .int64).broadcast(to: shape, axes: [0]) {
            rules.append(try keys.compared(.lt, counts))
            place = try (place + counts - .dimension(query[2])).checked()
        } else {
            place = try (place + .dimension(operands.offset)).checked()
        }
        if options.isCausal { rules.append(try keys.compared(.le, place)) }
        if let left = options.leftWindow { rules.append(try keys.compared(.ge, (place - Double(left)).checked())) }
        if let right = options.rightWindow { rules.append(try keys.compared(.le, (place + Double(right)).checked())) }
        return try rules.dropFirst().reduce(rules[0]) { try $0.mapped(.and, $1) }
    }
}
