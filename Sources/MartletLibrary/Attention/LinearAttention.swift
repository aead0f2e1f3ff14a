import MartletCore
public import MartletIR

/// How linear attention changes its state with each key and value.
public enum LinearAttentionRule: String, Sendable {
    /// The product of key and value is added.
    case linear
    /// Before, the state decays.
    case gated
    /// Added is the product of the key and a part of what the state lacks of the value.
    case delta
    /// Both.
    case gatedDelta = "gated_delta"

    /// Whether the state decays.
    public var decays: Bool { self == .gated || self == .gatedDelta }
    /// Whether the value's difference is added.
    public var corrects: Bool { self == .delta || self == .gatedDelta }
}

extension Tensor {
    /// Linear attention over axis 1 of this tensor, the queries (B, T, heads, K); a state (B, key heads, K, V) carries
    /// what keys and values left. Computed as float32 at least.
    ///
    /// - Parameters:
    ///   - key: (B, T, key heads, K); heads of queries share heads of keys.
    ///   - value: (B, T, key heads, V).
    ///   - decay: logarithm of what is left of the state, (B, T, key heads, 1 or K).
    ///   - rate: part of the difference that is added, (B, T, 1 or key heads, 1).
    /// - Returns: (B, T, heads, V) in the queries' type, and the last state.
    public func linearAttention(
        key: Tensor, value: Tensor, state: Tensor? = nil, decay: Tensor? = nil, rate: Tensor? = nil,
        rule: LinearAttentionRule, scale: Double? = nil
    ) throws -> (result: Tensor, state: Tensor) {
        let type = try element
        let (queries, keys, values) = (try shape, try key.shape, try value.shape)
        guard [queries, keys, values].allSatisfy({ $0.count == 4 }) else {
            throw Diagnostic("type.rank", "queries, keys and values must have rank 4")
        }
        guard (decay != nil) == rule.decays || !rule.decays, (rate != nil) == rule.corrects || !rule.corrects else {
            throw Diagnostic("type.operands", "rule '\(rule.rawValue)' needs a decay or rate that is missing")
        }
        let inner = type == .float64 ? type : .float32
        let zeros = try Tensor(0, as: inner).broadcast(to: [keys[0], keys[2], keys[3], values[3]], axes: [])
        let share = Sizes.simplified(queries[2].floorDivided(by: keys[2]))
        let groups = try reshaped(to: [queries[0], queries[1], keys[2], share, queries[3]])
        var scanned = [groups, key, value]
        if rule.decays, let decay { scanned.append(decay) }
        if rule.corrects, let rate { scanned.append(rate) }
        // Steps come first.
        let steps = try scanned.map { try $0.cast(to: inner).transposed([1, 0] + Array(2..<$0.rank)) }
        let loop = try Tensor.loop(
            trip: queries[1], condition: nil, states: [try state?.cast(to: inner) ?? zeros], scanned: steps
        ) { _, states, slices in
            let rest = slices.dropFirst(3)
            let next = try LinearAttentionStep(
                key: slices[1], value: slices[2], decay: rule.decays ? rest.first : nil,
                rate: rule.corrects ? rest.last : nil
            ).next(states[0])
            let output = try slices[0].contracted(with: next, batch: [(0, 0), (1, 1)], contracted: [(3, 2)])
            return (nil, [next], [output])
        }
        let factor = try scale ?? Self.standardScale(queries[3])
        let result = try (loop.stacked[0] * factor).checked().transposed([1, 0, 2, 3, 4])
        let shape = [queries[0], queries[1], queries[2], values[3]]
        return (try result.reshaped(to: shape).cast(to: type), try loop.states[0].cast(to: state?.element ?? type))
    }

    /// 1 / √size, of a size that must be known.
    private static func standardScale(_ size: IntExpr) throws -> Double {
        guard let size = Sizes.simplified(size).constant, size > 0 else {
            throw Diagnostic("type.sizes", "the size of a head must be known for the standard scale")
        }
        return 1 / Double(size).squareRoot()
    }
}

/// One step of linear attention: (B, heads, K), (B, heads, V), (B, heads, 1 or K), (B, 1 or heads, 1).
private struct LinearAttentionStep {
    let key: Tensor, value: Tensor
    let decay: Tensor?, rate: Tensor?

    func next(_ state: Tensor) throws -> Tensor {
        var state = state
        if let decay { state = try state * decay.mapped(.exp).unsqueezed(axes: [3]) }
        var value = value
        if let rate {
            let known = try key.contracted(with: state, batch: [(0, 0), (1, 1)], contracted: [(2, 2)])
            value = try ((value - known) * rate).checked()
        }
        return try (state + key.unsqueezed(axes: [3]) * value.unsqueezed(axes: [2])).checked()
    }
}
