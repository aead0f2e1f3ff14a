import MartletCompiler
import MartletCore
package import MartletIR

/// Finds the rewrite or the fusion that makes a case fail.
///
/// The import, the passes and the planning of fused groups count their decisions; with a limit they stop after so many.
/// The case is compiled with smaller and larger limits until one decision more makes it fail.
package struct Bisection {
    /// What is to blame.
    package enum Culprit: Sendable, Hashable {
        /// A pass or local rule, and the node that it was applied to; `number` is the limit with which the case fails.
        case rewrite(Rewrite, number: Int, count: Int)
        /// Computing a node's value where it is read.
        case fusion(node: String, number: Int, count: Int)
        /// The case fails with no rewrite and no fusion.
        case neither
        /// It does not fail.
        case none
    }

    private struct Limits {
        var rewrites: Int?
        var fusions: Int?
    }

    /// How a trial came out; the failure is `outputs` or the code of a diagnostic.
    private struct Trial {
        let failure: String?
        let rewrites: RewriteLog
        let log: CompilationLog
    }

    private let verification: Verification
    private let progress: (String) -> Void

    /// A bisection of a case with the options of its verification; `progress` is told of each trial.
    package init(_ verification: Verification, progress: @escaping (String) -> Void = { _ in }) {
        self.verification = verification
        self.progress = progress
    }

    /// Looks for what is to blame.
    ///
    /// - Throws: what reading the case says.
    package func culprit() throws -> Culprit {
        let all = try attempt(Limits())
        guard let failure = all.failure else { return .none }
        let rewritten = try attempt(Limits(fusions: 0))
        if verification.options.engine == .compiled, rewritten.failure != failure {
            let count = all.log.fusionCount
            let number = try least(count) { try attempt(Limits(fusions: $0)).failure == failure }
            let log = try attempt(Limits(fusions: number)).log
            return .fusion(node: log.lastFusion ?? "", number: number, count: count)
        }
        if try attempt(Limits(rewrites: 0, fusions: 0)).failure == failure { return .neither }
        let count = rewritten.rewrites.count
        let number = try least(count) { try attempt(Limits(rewrites: $0, fusions: 0)).failure == failure }
        let last = try attempt(Limits(rewrites: number, fusions: 0)).rewrites.last
        return last.map { .rewrite($0, number: number, count: count) } ?? .neither
    }

    /// The least number up to `count`, with which it fails, that does; it does not fail with 0.
    private func least(_ count: Int, _ fails: (Int) throws -> Bool) rethrows -> Int {
        var (good, bad) = (0, max(count, 1))
        while bad - good > 1 {
            let middle = good + (bad - good) / 2
            if try fails(middle) { bad = middle } else { good = middle }
        }
        return bad
    }

    private func attempt(_ limits: Limits) throws -> Trial {
        progress(
            "\(limits.rewrites.map(String.init) ?? "all") rewrites, \(limits.fusions.map(String.init) ?? "all") fusions"
        )
        let (rewrites, log) = (RewriteLog(), CompilationLog())
        var options = verification.options
        (options.rules.limit, options.rules.log) = (limits.rewrites, rewrites)
        options.adjust = { [adjust = options.adjust] in
            ($0.fusionLimit, $0.log, $0.verifiesPasses) = (limits.fusions, log, true)
            adjust?(&$0)
        }
        let trial = try Verification(verification.folder, options: options)
        var failure: String?
        do {
            failure = try trial.run().failures.isEmpty ? nil : "outputs"
        } catch let problem as Diagnostic {
            failure = problem.code
        } catch let problems as Diagnostics {
            failure = problems.all.first?.code ?? "error"
        }
        return Trial(failure: failure, rewrites: rewrites, log: log)
    }
}

extension Bisection.Culprit: CustomStringConvertible {
    /// What a reader needs to look further.
    package var description: String {
        switch self {
        case .rewrite(let rewrite, let number, let count):
            let node = rewrite.origins.isEmpty ? "" : " of '\(rewrite.origins.joined(separator: " / "))'"
            let place = rewrite.operation.isEmpty ? "" : " at \(rewrite.operation)\(node)"
            return "rewrite \(number) of \(count), '\(rewrite.name)'\(place); without it: --disable \(rewrite.name)"
        case .fusion(let node, let number, let count):
            return
                "fusion \(number) of \(count), of '\(node)' into its readers; without it: --fusion-limit \(number - 1)"
        case .neither: return "it fails without any rewrite or fusion: look at import, kernel forms and templates"
        case .none: return "the case does not fail"
        }
    }
}
