import ArgumentParser
import Martlet

/// How errors become messages and exit statuses.
enum Failure {
    /// Status of a job that failed.
    static let failed: Int32 = 1
    /// Status of wrong usage.
    static let usage: Int32 = 2

    /// Prints an error where it belongs and gives the exit status.
    static func report(_ error: any Error) -> Int32 {
        switch error {
        case let code as ExitCode: return code.rawValue
        case let problem as Diagnostic: Console.error("\(problem)")
        case let problems as Diagnostics: Console.error("\(problems)")
        default: return reportUsage(error)
        }
        return failed
    }

    /// Help, the version, and what ArgumentParser finds wrong.
    private static func reportUsage(_ error: any Error) -> Int32 {
        let code = MartletCommand.exitCode(for: error)
        let message = MartletCommand.fullMessage(for: error)
        if code.isSuccess {
            Console.print(message)
            return 0
        }
        Console.error(message)
        return code == .validationFailure ? usage : failed
    }
}
