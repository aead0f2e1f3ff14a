import ArgumentParser
import Martlet

extension ArgumentHelp {
    /// The help of an option that stands for a setting, from the one place where settings are described.
    static func setting(_ name: String, valueName: String? = nil) -> ArgumentHelp {
        guard let option = Settings.option(name) else { return ArgumentHelp("") }
        let variable = option.variables.first.map { "; \($0)" } ?? ""
        let text = option.help.prefix(1).uppercased() + option.help.dropFirst()
        return ArgumentHelp("\(text): a \(option.kind) (default: \(option.standard)\(variable)).", valueName: valueName)
    }
}
