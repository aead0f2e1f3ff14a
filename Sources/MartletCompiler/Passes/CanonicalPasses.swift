import MartletIR

/// A graph pass: a name, by which it can be switched off and its result dumped, and what it does.
struct Pass: Sendable {
    let name: String
    let run: @Sendable (Graph, RuleSet.Options) throws -> Graph

    /// The passes that bring a graph to canonical form, in order.
    static let canonical: [Pass] = [
        Pass(name: "expand-kept-calls") { try $0.expandingKeptCalls(rules: RuleSet($1)) }
    ]
}
