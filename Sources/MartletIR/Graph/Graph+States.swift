import MartletCore

extension Graph {
    /// The same graph with these states in place of its own: names of inputs, each with the name of the output that
    /// becomes it in the next run.
    ///
    /// - Throws: `graph.unknown-state`; `graph.state-type` where input and output differ in element type or rank;
    ///   `graph.state-twice` for an output that becomes two inputs; `Diagnostics` if there are several problems.
    public func carrying(states links: [String: String]) throws -> Graph {
        try carrying(links.sorted { $0.key < $1.key }.map { (input: $0.key, output: $0.value) })
    }

    /// - Throws: as `carrying(states:)`, and `graph.state-twice` for an input that two outputs become.
    func carrying(_ states: [(input: String, output: String)]) throws -> Graph {
        let problems = problems(of: states)
        if problems.count == 1 { throw problems[0] }
        if !problems.isEmpty { throw Diagnostics(problems) }
        var graph = self
        graph.states = states
        return graph
    }

    /// What is wrong with each of these as states of the graph. A state is an input and an output of one element type and
    /// rank, each in no other state.
    func problems(of states: [(input: String, output: String)]) -> [Diagnostic] {
        states.enumerated().compactMap { index, state in
            guard let input = inputs.first(where: { $0.name == state.input }) else {
                return unknown("input", state.input, of: state.input, inputs)
            }
            guard let output = outputs.first(where: { $0.name == state.output }) else {
                return unknown("output", state.output, of: state.input, outputs)
            }
            let earlier = states[..<index]
            if let other = earlier.first(where: { $0.output == state.output && $0.input != state.input }) {
                return Diagnostic(
                    "graph.state-twice",
                    "output '\(state.output)' becomes two states, '\(other.input)' and '\(state.input)'",
                    help: "give each state an output of its own")
            }
            if let other = earlier.first(where: { $0.input == state.input }) {
                return Diagnostic(
                    "graph.state-twice",
                    "state '\(state.input)' becomes two outputs, '\(other.output)' and '\(state.output)'",
                    help: "name one output for each state")
            }
            return difference(of: input, output)
        }
    }

    private func unknown(_ kind: String, _ name: String, of state: String, _ ports: [GraphPort]) -> Diagnostic {
        let names = ports.map { "'\($0.name)'" }.joined(separator: ", ")
        return Diagnostic(
            "graph.unknown-state", "there is no \(kind) '\(name)', which state '\(state)' names",
            help: "\(kind)s are \(names.isEmpty ? "none" : names)")
    }

    private func difference(of input: GraphPort, _ output: GraphPort) -> Diagnostic? {
        let types = [type(of: input.value), type(of: output.value)]
        guard types[0].element != types[1].element || types[0].rank != types[1].rank else { return nil }
        let texts = types.map { $0.text(symbols.name(of:)) }
        return Diagnostic(
            "graph.state-type",
            "state '\(input.name)' is \(texts[0]), and output '\(output.name)', which is to become it, \(texts[1])",
            help: "both must have one element type and rank: name another output, or convert it in the model")
    }
}
