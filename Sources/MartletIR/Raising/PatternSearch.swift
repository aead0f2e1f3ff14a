import MartletCore

/// Compares a pattern with the part of a graph that ends in one value, from the result backwards.
///
/// Maps whose operands may change places are tried both ways. The work is bounded by the pattern, not by the graph.
struct PatternSearch {
    /// Why the graph differs, and how many of the pattern's values had been found before.
    struct Difference {
        let found: Int
        let reason: String
    }

    /// What values of the pattern stand for.
    struct Binding {
        /// For each value of the pattern the graph's.
        var values: [ValueID?]
        /// Operands that the graph has only folded into constants, by the pattern's input.
        var folded: [ValueID: HostTensor] = [:]
    }

    private struct Pair {
        let pattern: ValueID
        let value: ValueID
    }

    private let pattern: FormPattern
    private let graph: Graph
    /// The difference that was met on the way that led farthest, where that was more than half of the pattern.
    private(set) var difference: Difference?

    init(_ pattern: FormPattern, in graph: Graph) {
        self.pattern = pattern
        self.graph = graph
    }

    /// What the pattern's values are if its result is this value; nil where the graph differs.
    mutating func binding(endingIn value: ValueID) -> Binding? {
        let result = pattern.graph.outputs[0].value
        let values = [ValueID?](repeating: nil, count: pattern.graph.values.count)
        return search([Pair(pattern: result, value: value)], Binding(values: values))
    }

    private mutating func search(_ pending: [Pair], _ binding: Binding) -> Binding? {
        var (pending, binding) = (pending, binding)
        while let pair = pending.popLast() {
            let position = Int(pair.pattern.index)
            if let known = binding.values[position], known == pair.value { continue }
            if binding.values[position] == nil, let folded = foldedOperand(pair), binding.values[folded.input] == nil {
                binding.values[position] = pair.value
                binding.values[folded.input] = pair.value
                binding.folded[ValueID(folded.input)] = folded.tensor
                continue
            }
            guard binding.values[position] == nil, fits(pair) else {
                note(binding.values, pair)
                return nil
            }
            binding.values[position] = pair.value
            guard case .node(let node, _) = pattern.graph.producer(of: pair.pattern) else { continue }
            var orders = operandPairs(node, pair.value)
            guard let last = orders.popLast() else { continue }
            for order in orders {
                if let found = search(pending + order, binding) { return found }
            }
            pending += last
        }
        return binding
    }

    /// The operands to compare, in the orders that are possible; nodes are compared before inputs, which fit more.
    private func operandPairs(_ node: NodeID, _ value: ValueID) -> [[Pair]] {
        guard case .node(let other, _) = graph.producer(of: value) else { return [] }
        let (own, operands) = (Array(pattern.graph.operands(of: node)), Array(graph.operands(of: other)))
        let pairs = zip(own, operands).map { Pair(pattern: $0, value: $1) }
        guard own.count == 2, own[0] != own[1], pattern.graph.operation(of: node).commutes else {
            return [inputsFirst(pairs)]
        }
        let swapped = [Pair(pattern: own[0], value: operands[1]), Pair(pattern: own[1], value: operands[0])]
        let possible = [pairs, swapped].filter { $0.allSatisfy { fits($0) || foldedOperand($0) != nil } }
        return (possible.isEmpty ? [pairs] : possible).map(inputsFirst)
    }

    private func inputsFirst(_ pairs: [Pair]) -> [Pair] {
        let isInput = pairs.map { pair in
            if case .input = pattern.graph.producer(of: pair.pattern) { return true }
            return false
        }
        return zip(pairs, isInput).filter(\.1).map(\.0) + zip(pairs, isInput).filter { !$0.1 }.map(\.0)
    }

    // MARK: One value

    /// Whether a value of the graph may be one of the pattern, its operands aside.
    private func fits(_ pair: Pair) -> Bool {
        switch pattern.graph.producer(of: pair.pattern) {
        case .input(let position):
            guard graph.type(of: pair.value) == pattern.graph.type(of: pair.pattern) else { return false }
            return pattern.holes[position] == .operand || graph.scalar(pair.value) != nil
        case .node(let node, let result):
            guard case .node(let other, let number) = graph.producer(of: pair.value), number == result else {
                return false
            }
            let operation = pattern.graph.nodes[Int(node.index)].operation
            return graph.nodes[Int(other.index)].operation == pattern.operationIDs[Int(operation)]
        }
    }

    /// Keeps the difference if most of the pattern had been found: less is no form that went wrong.
    private mutating func note(_ bound: [ValueID?], _ pair: Pair) {
        let found = bound.count { $0 != nil }
        guard found * 2 > bound.count, found > difference?.found ?? 0 else { return }
        let reason =
            bound[Int(pair.pattern.index)] == nil
            ? mismatch(pair) : "\(name(pair.value)) stands where another value is used elsewhere"
        difference = Difference(found: found, reason: reason)
    }

    private func mismatch(_ pair: Pair) -> String {
        switch pattern.graph.producer(of: pair.pattern) {
        case .input:
            let isTyped = graph.type(of: pair.value) == pattern.graph.type(of: pair.pattern)
            return "\(name(pair.value)) is \(isTyped ? "not a finite constant" : "of another type")"
        case .node(let node, _):
            return "\(name(pair.value)) is \(description(pair.value)), not \(pattern.graph.operation(of: node).summary)"
        }
    }

    /// The operand that a constant of the graph is, where the pattern has a view of one.
    private func foldedOperand(_ pair: Pair) -> (input: Int, tensor: HostTensor)? {
        guard let tensor = graph.constant(pair.value),
            graph.type(of: pair.value) == pattern.graph.type(of: pair.pattern)
        else { return nil }
        return pattern.operand(viewedAs: tensor, by: pair.pattern).map { (Int($0.input.index), $0.tensor) }
    }

    private func name(_ value: ValueID) -> String { graph.sourceName(of: value) }

    private func description(_ value: ValueID) -> String {
        guard case .node(let node, _) = graph.producer(of: value) else { return "an input" }
        return graph.operation(of: node).summary
    }
}

extension Graph {
    /// The finite number that a 0-d floating-point constant is.
    func scalar(_ value: ValueID) -> Double? {
        guard let tensor = constant(value), tensor.shape.isEmpty, tensor.type.isFloatingPoint,
            let number = try? tensor.doubles().first, number.isFinite
        else { return nil }
        return number
    }

    /// What messages call a value: its port, the source node it came from, or its number.
    func sourceName(of value: ValueID) -> String {
        switch producer(of: value) {
        case .input(let position): "'\(inputs[position].name)'"
        case .node(let node, _): origins(of: node).last.map { "'\($0)'" } ?? "%\(value.index)"
        }
    }
}

extension Operation {
    /// Whether the two operands may change places: a map of a commutative function.
    fileprivate var commutes: Bool { (self as? Map)?.function.commutes ?? false }

    /// The name and what it is applied with, for messages.
    fileprivate var summary: String {
        let details = attributes.compactMap { attribute -> String? in
            switch attribute.value {
            case .word(let word): word
            case .type(let type): type.name
            case .ints(let list): "\(list)"
            case .dims(let list): "[\(list.map { $0.constant.map(String.init) ?? "?" }.joined(separator: ", "))]"
            case .tensor(let constant) where constant.tensor.count == 1 && constant.tensor.type.isFloatingPoint:
                try? constant.tensor.doubles().first.map { "\($0)" }
            default: nil
            }
        }
        return ([Self.name] + details).joined(separator: " ")
    }
}
