import MartletCore

extension Engine {
    /// States given as names of inputs and of the outputs that become them.
    ///
    /// - Throws: `session.unknown-state`, `session.state-type`, `session.state-twice`.
    package func links(of states: [String: String]) throws -> [StateLink] {
        let links = try states.sorted { $0.key < $1.key }.map { name, source in
            guard let input = inputs.firstIndex(where: { $0.name == name }) else {
                throw unknown("input", name, of: name, inputs)
            }
            guard let output = outputs.firstIndex(where: { $0.name == source }) else {
                throw unknown("output", source, of: name, outputs)
            }
            return StateLink(input: input, output: output)
        }
        if let problem = problem(of: links) { throw problem }
        return links
    }

    private func unknown(_ kind: String, _ name: String, of state: String, _ ports: [Port]) -> Diagnostic {
        let names = ports.map { "'\($0.name)'" }.joined(separator: ", ")
        return Diagnostic(
            "session.unknown-state", "there is no \(kind) '\(name)', which state '\(state)' names",
            help: "\(kind)s of the engine are \(names.isEmpty ? "none" : names)")
    }

    /// The first thing wrong with these as states of the engine. A state is an input and an output of one element type and
    /// rank, each in no other state; it may grow along an axis that it has.
    func problem(of links: [StateLink]) -> Diagnostic? {
        for (index, link) in links.enumerated() {
            guard inputs.indices.contains(link.input), outputs.indices.contains(link.output) else {
                return Diagnostic(
                    "session.unknown-state",
                    "a state links input \(link.input) and output \(link.output), which do not both exist")
            }
            let problem = problem(of: link, after: links[..<index])
            if let problem { return problem }
        }
        return nil
    }

    /// What is wrong with a state whose input and output exist, beside other such states.
    private func problem(of link: StateLink, after earlier: ArraySlice<StateLink>) -> Diagnostic? {
        let (input, output) = (inputs[link.input], outputs[link.output])
        if let other = earlier.first(where: { $0.output == link.output || $0.input == link.input }) {
            return Diagnostic(
                "session.state-twice",
                other.input == link.input
                    ? "state '\(input.name)' becomes two outputs"
                    : "output '\(output.name)' becomes two states, '\(inputs[other.input].name)' and '\(input.name)'",
                help: "give each state an output of its own")
        }
        guard input.type == output.type, input.dims.count == output.dims.count else {
            return Diagnostic(
                "session.state-type",
                "state '\(input.name)' is \(text(ofType: input)), and output '\(output.name)', which is to become it, "
                    + text(ofType: output),
                help: "both must have one element type and rank: name another output")
        }
        if let growth = link.growth, !input.dims.indices.contains(growth.axis) || input.type.bitWidth < 8 {
            return Diagnostic(
                "session.state-growth",
                "state '\(input.name)', which is \(text(ofType: input)), cannot grow along axis \(growth.axis)")
        }
        return nil
    }
}
