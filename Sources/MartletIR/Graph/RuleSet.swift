import Synchronization

/// Local rewriting rules by name: which are switched off, how often each fired, and a limit for bisection.
///
/// Shared by a builder and the builders of nested graphs.
public final class RuleSet {
    /// What is switched off.
    public struct Options: Sendable {
        /// Names of rules that must not fire.
        public var disabled: Set<String> = []
        /// Rewrites allowed in all; nil for no limit.
        public var limit: Int?
        /// Counts the rewrites of all rule sets with these options, for which the limit then holds together.
        public var log: RewriteLog?

        /// All rules on, no limit.
        public init() {}
    }

    /// What is switched off.
    public let options: Options
    /// Rewrites done by name.
    public private(set) var counts: [String: Int] = [:]
    private var total = 0
    /// The node that is being added: its operation and source nodes.
    private var place: (operation: String, origins: [String]) = ("", [])

    /// Makes a set of rules, all on unless switched off.
    public init(_ options: Options = Options()) { self.options = options }

    /// Whether the rule may fire now.
    public func allows(_ rule: String) -> Bool {
        if let limit = options.limit, (options.log?.count ?? total) >= limit { return false }
        return options.disabled.isEmpty || !options.disabled.contains(rule)
    }

    /// Notes that the rule fired.
    public func count(_ rule: String) {
        counts[rule, default: 0] += 1
        total += 1
        options.log?.note(
            Rewrite(name: rule, operation: place.operation, origins: place.origins))
    }

    /// Says which node the rules are asked for next.
    func enter(_ operation: String, _ origins: [String]) {
        if options.log != nil { place = (operation, origins) }
    }
}

/// One rewrite: a rule that fired at a node.
public struct Rewrite: Sendable, Hashable {
    /// The rule.
    public let name: String
    /// The operation of the node.
    public let operation: String
    /// Names of the source nodes.
    public let origins: [String]
}

/// Counts rewrites over several rule sets, as an import and the passes behind it have them.
public final class RewriteLog: Sendable {
    private let state = Mutex<(count: Int, last: Rewrite?)>((0, nil))

    /// A log without rewrites.
    public init() {}

    /// Rewrites done so far.
    public var count: Int { state.withLock { $0.count } }
    /// The latest one.
    public var last: Rewrite? { state.withLock { $0.last } }

    func note(_ rewrite: Rewrite) { state.withLock { $0 = ($0.count + 1, rewrite) } }
}
