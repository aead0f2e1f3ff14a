import Foundation

/// `--models FOLDER --files FOLDER --speech FILE [--repository FOLDER]`.
struct Arguments {
    let models: URL
    let files: URL
    let speech: URL
    /// A folder of which some files are looked at too.
    let repository: URL?

    /// What the arguments say.
    ///
    /// - Throws: `Problem` if one is missing or unknown.
    init(_ words: some Collection<String>) throws {
        var values: [String: String] = [:]
        var rest = Array(words)
        while rest.count >= 2, ["--models", "--files", "--speech", "--repository"].contains(rest[0]) {
            values[rest[0]] = rest[1]
            rest.removeFirst(2)
        }
        guard rest.isEmpty, let models = values["--models"], let files = values["--files"],
            let speech = values["--speech"]
        else { throw Problem("usage: demo --models FOLDER --files FOLDER --speech FILE [--repository FOLDER]") }
        self.models = URL(fileURLWithPath: models)
        self.files = URL(fileURLWithPath: files)
        self.speech = URL(fileURLWithPath: speech)
        repository = values["--repository"].map { URL(fileURLWithPath: $0) }
    }

    /// The files that were made, and the first of each kind of name in the repository.
    func allFiles() throws -> [URL] {
        let made = try FileManager.default.contentsOfDirectory(atPath: files.path).sorted()
            .map { files.appending(path: $0) }
        guard let repository else { return made }
        let names = [
            "Package.swift", "Makefile", "README.md", "LICENSE", ".gitignore", "Scripts/sizes", "Benchmarks/peer.py",
        ]
        let found = names.map { repository.appending(path: $0) }
        return found.filter { FileManager.default.isReadableFile(atPath: $0.path) } + made
    }
}

/// What went wrong, in words.
struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
