import MartletCore

/// Compares a pattern with the part of a graph that ends in one value, from the result backwards.
///
/// Maps whose operands may change places are tried both ways. The work is bounded by the pattern, not by the graph.
struct PatternSearch {
    /// Why the graph differs, and how many of the pattern's values had been found before.
    struct Difference {
        let found: Int
        let reason: () -> String
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
            if let known = binding.values[position] {
                if known == pair.value { continue }
                note(binding, pair)
                return nil
            }
            if fits(pair) {
                binding.values[position] = pair.value
                if let found = addOperands(of: pair, to: &pending, binding) { return found }
            } else if let folded = foldedOperand(pair), binding.values[folded.input] == nil {
                binding.values[position] = pair.value
                binding.values[folded.input] = pair.value
                binding.folded[ValueID(folded.input)] = folded.tensor
            } else {
                note(binding, pair)
                return nil
            }
        }
        return binding
    }

    /// Adds the operands of a node to what is to be compared, those that may change places in the order that fits. Where
    /// both orders do, the other one is followed to the end, and gives the result if there is one.
    private mutating func addOperands(of pair: Pair, to pending: inout [Pair], _ binding: Binding) -> Binding? {
        guard case .node(let node, _) = pattern.graph.producer(of: pair.pattern),
            case .node(let other, _) = graph.producer(of: pair.value)
        else { return nil }
        let (own, operands) = (pattern.graph.operands(of: node), graph.operands(of: other))
        guard pattern.commutes[Int(pattern.graph.nodes[Int(node.index)].operation)], let first = own.first,
            let last = own.last, first != last
        else {
            add(own, operands, to: &pending)
            return nil
        }
        let swapped = operands.reversed()
        if mayBe(own, swapped) {
            guard mayBe(own, operands) else {
                add(own, swapped, to: &pending)
                return nil
            }
            var others = pending
            add(own, swapped, to: &others)
            if let found = search(others, binding) { return found }
        }
        add(own, operands, to: &pending)
        return nil
    }

    /// Nodes are compared before inputs, which fit more.
    private func add(_ own: some Sequence<ValueID>, _ operands: some Sequence<ValueID>, to pending: inout [Pair]) {
        for areInputs in [true, false] {
            for (value, other) in zip(own, operands) where pattern.isInput(value) == areInputs {
                pending.append(Pair(pattern: value, value: other))
            }
        }
    }

    private func mayBe(_ own: some Sequence<ValueID>, _ operands: some Sequence<ValueID>) -> Bool {
        zip(own, operands).allSatisfy { value, other in
            let pair = Pair(pattern: value, value: other)
            return fits(pair) || foldedOperand(pair) != nil
        }
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
    private mutating func note(_ binding: Binding, _ pair: Pair) {
        let found = binding.values.count { $0 != nil }
        guard found * 2 > binding.values.count, found > difference?.found ?? 0 else { return }
        let isKnown = binding.values[Int(pair.pattern.index)] != nil
        difference = Difference(found: found) { [self] in
            isKnown ? "\(name(pair.value)) stands where another value is used elsewhere" : mismatch(pair)
        }
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
