extension Graph {
    /// The graph with spelled-out forms of kept functions, in nested graphs too, replaced by calls.
    ///
    /// A call has the origins of all nodes it stands for. A form stays as it is where something else reads a value
    /// inside of it.
    ///
    /// - Parameters:
    ///   - functions: the kept functions to look for.
    ///   - rules: counts the calls as `raise-kept-calls`.
    /// - Returns: the graph, and a reason for each place that looked like a form and is none.
    public func raisingKeptCalls(
        to functions: [any KeptFunction.Type], rules: RuleSet = RuleSet()
    ) throws -> (graph: Graph, refusals: [String]) {
        var refusals: [String] = []
        let raised = try rebuiltByLevel(rules: rules) { graph in
            let plan = RaisingPlan(graph, functions: functions)
            refusals += plan.refusals
            return { node, rewriting in
                try plan.matches[node].flatMap { try graph.raise(node, $0, rewriting) }
            }
        }
        return (raised, refusals)
    }

    /// Adds the call in place of its last node; the others are then used by nothing.
    private func raise(_ node: NodeID, _ match: RaisingPlan.Match, _ rewriting: NodeRewriting) throws -> [ValueID]? {
        let builder = rewriting.builder
        guard builder.rules.allows("raise-kept-calls") else { return nil }
        builder.rules.count("raise-kept-calls")
        builder.origin = mergedOrigins(of: match.nodes)
        let operands = try match.operands.map { operand in
            switch operand {
            case .value(let value): try rewriting.value(value)
            case .constant(let tensor): try builder.add(constant: tensor)
            }
        }
        return [try builder.add(match.call, operands)[0]]
    }

    private func mergedOrigins(of nodes: [NodeID]) -> [String] {
        var known: Set<String> = []
        return nodes.flatMap { origins(of: $0) }.filter { known.insert($0).inserted }
    }
}
