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
        guard rules.allows("raise-kept-calls") else { return (self, []) }
        let plans = raisingPlans(functions, depth: 0)
        let refusals = plans.flatMap(\.refusals)
        guard plans.contains(where: { !$0.matches.isEmpty }) else { return (self, refusals) }
        var remaining = plans[...]
        let raised = try rebuiltByLevel(rules: rules) { graph in
            let plan = remaining.removeFirst()
            return { node, rewriting in
                if let match = plan.matches[node] { return try graph.raise(node, match, rewriting) }
                // Nothing but the call's node reads it. With a limit the call may not come.
                guard rules.options.limit == nil, plan.isReplaced(node) else { return nil }
                return Array(repeating: rewriting.operands[0], count: graph.results(of: node).count)
            }
        }
        return (raised, refusals)
    }

    /// The plans of this graph and those nested in it, in the order in which they are rebuilt.
    private func raisingPlans(_ functions: [any KeptFunction.Type], depth: Int) -> [RaisingPlan] {
        guard depth < Graph.nestingLimit else { return [] }
        let hasRegions = operations.contains { !$0.regions.isEmpty }
        let nested = hasRegions ? nodeIDs.flatMap { operation(of: $0).regions } : []
        return [RaisingPlan(self, functions: functions)]
            + nested.flatMap { $0.raisingPlans(functions, depth: depth + 1) }
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
