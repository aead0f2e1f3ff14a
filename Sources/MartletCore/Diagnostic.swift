/// Where a diagnostic points to.
public enum Place: Sendable, Hashable {
    /// A file, and the byte offset in it where the trouble was found.
    case file(path: String, offset: Int?)
    /// A node of a model, with its operator and, if known, the file the model came from.
    case node(name: String, operator: String, file: String?)
    /// A position in a text; line and column count from 1.
    case text(line: Int, column: Int)
    /// A parameter of the function that was called.
    case parameter(String)
}

extension Place: CustomStringConvertible {
    /// The place in words, without trailing punctuation.
    public var description: String {
        switch self {
        case .file(let path, let offset):
            guard let offset else { return path }
            return "\(path) at byte \(offset)"
        case .node(let name, let operatorName, let file):
            let node = name.isEmpty ? "node (\(operatorName))" : "node '\(name)' (\(operatorName))"
            guard let file else { return node }
            return "\(file), \(node)"
        case .text(let line, let column):
            return "line \(line), column \(column)"
        case .parameter(let name):
            return "parameter '\(name)'"
        }
    }
}

/// A problem found in a model, a file or an argument, fit to be shown to the user.
public struct Diagnostic: Error, Sendable, Hashable {
    /// How grave a diagnostic is.
    public enum Severity: String, Sendable, Hashable {
        /// The work cannot go on.
        case error
        /// The work goes on, and the result may not be what was wanted.
        case warning
        /// Additional information.
        case note
    }

    /// Stable machine-readable code such as `onnx.unknown-operator`.
    public var code: String
    /// How grave the problem is.
    public var severity: Severity
    /// What is wrong, one sentence without a final full stop.
    public var message: String
    /// Where it was found.
    public var place: Place?
    /// What the user can do about it.
    public var help: String?

    /// Creates a diagnostic; see the properties for the meaning of each parameter.
    public init(
        _ code: String, _ message: String, at place: Place? = nil, help: String? = nil, severity: Severity = .error
    ) {
        self.code = code
        self.severity = severity
        self.message = message
        self.place = place
        self.help = help
    }

    /// The same diagnostic at `place`, unless it already has a place.
    public func at(_ place: Place) -> Diagnostic {
        guard self.place == nil else { return self }
        var result = self
        result.place = place
        return result
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `error[code] place: message`, and the help on a second line.
    public var description: String {
        var text = "\(severity.rawValue)[\(code)]"
        if let place { text += " \(place)" }
        text += ": \(message)"
        if let help { text += "\n  help: \(help)" }
        return text
    }
}

/// Several diagnostics thrown as one error, in the order in which they were found.
public struct Diagnostics: Error, Sendable, Hashable {
    /// The diagnostics.
    public var all: [Diagnostic]

    /// Collects `all` into one error.
    public init(_ all: [Diagnostic] = []) {
        self.all = all
    }

    /// Whether at least one of the diagnostics is an error.
    public var hasErrors: Bool { all.contains { $0.severity == .error } }
}

extension Diagnostics: CustomStringConvertible {
    /// All diagnostics, one after the other, each on lines of its own.
    public var description: String {
        all.map(\.description).joined(separator: "\n")
    }
}
