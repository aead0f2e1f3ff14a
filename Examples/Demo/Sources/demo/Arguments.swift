import Foundation

/// `--models FOLDER --files FOLDER --speech FILE`.
struct Arguments {
    let models: URL
    let files: URL
    let speech: URL

    /// What the arguments say.
    ///
    /// - Throws: `Problem` if one is missing or unknown.
    init(_ words: some Collection<String>) throws {
        var values: [String: String] = [:]
        var rest = Array(words)
        while rest.count >= 2, ["--models", "--files", "--speech"].contains(rest[0]) {
            values[rest[0]] = rest[1]
            rest.removeFirst(2)
        }
        guard rest.isEmpty, let models = values["--models"], let files = values["--files"],
            let speech = values["--speech"]
        else { throw Problem("usage: demo --models FOLDER --files FOLDER --speech FILE") }
        self.models = URL(fileURLWithPath: models)
        self.files = URL(fileURLWithPath: files)
        self.speech = URL(fileURLWithPath: speech)
    }
}

/// What went wrong, in words.
struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
