import Glibc
import MartletCore

extension Diagnostic {
    /// An error of the operating system during `action`, in its words.
    static func system(_ action: String, error: Int32 = errno) -> Diagnostic {
        Diagnostic("codegen.system", "\(action): \(String(cString: strerror(error)))")
    }

    /// The same diagnostic with `text` before its message.
    func prefixed(_ text: String) -> Diagnostic {
        var result = self
        result.message = text + message
        return result
    }
}
