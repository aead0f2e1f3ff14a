import MartletCore

extension Diagnostic {
    /// The same diagnostic with words before its message.
    package func prefixed(_ text: String) -> Diagnostic {
        var result = self
        result.message = text + message
        return result
    }
}
