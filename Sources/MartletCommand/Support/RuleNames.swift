import ArgumentParser
import Martlet
import MartletCompiler

/// Names of passes and local rewriting rules, as `--disable` takes them.
enum RuleNames {
    static var passes: [String] { Compiler.passNames }
    static var rules: [String] { OperationRegistry.library.ruleNames }

    /// - Throws: `ValidationError` for a name that there is not.
    static func check(_ names: [String]) throws {
        let known = Set(passes + rules)
        guard let unknown = names.first(where: { !known.contains($0) }) else { return }
        throw ValidationError("There is no pass or rule '\(unknown)'; 'martlet doctor --rules' lists them.")
    }
}
