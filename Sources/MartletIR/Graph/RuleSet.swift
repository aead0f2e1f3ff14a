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

        /// All rules on, no limit.
        public init() {}
    }

    /// What is switched off.
    public let options: Options
    /// Rewrites done by name.
    public private(set) var counts: [String: Int] = [:]
    private var total = 0

    /// Makes a set of rules, all on unless switched off.
    public init(_ options: Options = Options()) { self.options = options }

    /// Whether the rule may fire now.
    public func allows(_ rule: String) -> Bool {
        if let limit = options.limit, total >= limit { return false }
        return options.disabled.isEmpty || !options.disabled.contains(rule)
    }

    /// Notes that the rule fired.
    public func count(_ rule: String) {
        counts[rule, default: 0] += 1
        total += 1
    }
}
