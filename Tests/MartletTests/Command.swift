import Glibc
import TestSupport
import Testing

/// The command as it was built beside the tests.
enum Command {
    /// Its path; nil if it was not built.
    static let path: String? = {
        let tests = CommandLine.arguments[0]
        guard let end = tests.lastIndex(of: "/") else { return nil }
        // `swift test` runs a helper of its own with the test product as an argument.
        let products = CommandLine.arguments.filter { $0.contains(".xctest") }
        let folders = [tests[..<end]] + products.compactMap { path in path.lastIndex(of: "/").map { path[..<$0] } }
        return folders.map { "\($0)/martlet" }.first { access($0, X_OK) == 0 }
    }()

    /// Runs it in a shell; gives its exit status and all that it prints.
    ///
    /// - Parameter cache: The folder in which it keeps engines and kernels.
    static func run(_ arguments: String, cache: String) throws -> (status: Int32, output: String) {
        let command = try #require(path)
        return try Shell.run("MARTLET_CACHE='\(cache)' '\(command)' \(arguments)")
    }
}

/// This test program in a process of its own, for tests that count what belongs to a process.
enum TestChild {
    private static let variable = "MARTLET_TEST_CHILD"

    /// Whether this is such a process.
    static let isRunning = getenv(variable) != nil

    /// Runs the tests that `filter` picks, with `setup` as the beginning of the shell's line; expects that they pass.
    static func run(_ filter: String, setup: String = "") throws {
        let program = try #require(CommandLine.arguments.first)
        let result = try Shell.run(
            "\(setup) \(variable)=1 '\(program)' --testing-library swift-testing --filter '\(filter)'")
        #expect(result.status == 0 && result.output.contains("passed"), "\(result.output.suffix(4000))")
        // A filter that picks nothing, or a test that does not find what it needs, passes too.
        let isEmpty = result.output.contains("with 0 tests") || result.output.contains("skipped")
        #expect(!isEmpty, "\(result.output.suffix(4000))")
    }
}
