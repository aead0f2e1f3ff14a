import MartletIR
import MartletLibrary

/// A graph pass: a name, by which it can be switched off and its result dumped, and what it does.
struct Pass: Sendable {
    let name: String
    /// Gives the new graph; adds what was not done, and why, to the list.
    let run: @Sendable (Graph, RuleSet.Options, inout [String]) throws -> Graph

    /// The passes that bring a graph to canonical form, in order.
    static let canonical: [Pass] = [
        // All spellings of a function become one call, which then has one body, hence one kernel.
        Pass(name: "raise-kept-calls") { graph, options, reasons in
            let raised = try graph.raisingKeptCalls(to: KeptFunctions.all, rules: RuleSet(options))
            reasons += raised.refusals
            return raised.graph
        },
        Pass(name: "expand-kept-calls") { graph, options, _ in
            try graph.expandingKeptCalls(rules: RuleSet(options))
        },
    ]
}
