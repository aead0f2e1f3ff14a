import MartletCore

extension Graph {
    /// The same graph with these states in place of its own: names of inputs, each with the name of the output that
    /// becomes it in the next run.
    ///
    /// - Throws: `graph.unknown-state`; `graph.state-type` where input and output differ in element type or rank;
    ///   `graph.state-twice` for an output that becomes two inputs.
    public func carrying(states links: [String: String]) throws -> Graph {
        let pairs = links.sorted { $0.key < $1.key }
        for (input, output) in pairs {
            guard let source = inputs.first(where: { $0.name == input }),
                let target = outputs.first(where: { $0.name == output })
            else {
                throw Diagnostic(
                    "graph.unknown-state", "there is no input '\(input)' or no output '\(output)'",
                    help: "inputs are \(inputs.map(\.name)), outputs \(outputs.map(\.name))")
            }
            let (from, to) = (type(of: source.value), type(of: target.value))
            guard from.element == to.element, from.rank == to.rank else {
                throw Diagnostic(
                    "graph.state-type", "input '\(input)' and output '\(output)' differ in element type or rank")
            }
            if pairs.count(where: { $0.value == output }) > 1 {
                throw Diagnostic("graph.state-twice", "output '\(output)' becomes two inputs")
            }
        }
        var graph = self
        graph.states = pairs.map { (input: $0.key, output: $0.value) }
        return graph
    }
}
