package import MartletIR
import MartletLibrary

/// A graph pass: a name, by which it can be switched off and its result dumped, and what it does.
package struct Pass: Sendable {
    /// Gives the new graph; adds what was not done, and why, to the list.
    package typealias Body = @Sendable (Graph, RuleSet.Options, inout [String]) throws -> Graph

    package let name: String
    /// Whether later stages rely on it: a limit of rewrites does not hold it up.
    package let isRequired: Bool
    package let run: Body

    /// A pass of its parts.
    package init(name: String, isRequired: Bool = false, run: @escaping Body) {
        (self.name, self.isRequired, self.run) = (name, isRequired, run)
    }

    /// The passes that bring a graph to canonical form, in order.
    package static let canonical: [Pass] = [
        // All spellings of a function become one call, which then has one body, hence one kernel.
        Pass(name: "raise-kept-calls") { graph, options, reasons in
            let raised = try graph.raisingKeptCalls(to: KeptFunctions.all, rules: RuleSet(options))
            reasons += raised.refusals
            return raised.graph
        },
        Pass(name: "expand-kept-calls", isRequired: true) { graph, options, _ in
            try graph.expandingKeptCalls(rules: RuleSet(options))
        },
    ]
}
