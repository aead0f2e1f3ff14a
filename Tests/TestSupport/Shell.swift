import Glibc
import MartletCore

/// Commands of the system, and where the package is.
package enum Shell {
    /// The folder of the package.
    package static let package: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// Runs a line of the shell; gives its exit status, 128 and more if a signal ended it, and all that it prints.
    package static func run(_ line: String) throws -> (status: Int32, output: String) {
        guard let stream = popen("( \(line) ) 2>&1", "re") else {
            throw Diagnostic("test.shell", "cannot start a shell")
        }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { output += buffer.prefix(count) }
        return (pclose(stream) >> 8, String(decoding: output, as: UTF8.self))
    }

    /// Runs a line that must not fail, and gives what it wrote.
    @discardableResult
    package static func check(_ line: String) throws -> String {
        let (status, output) = try run(line)
        guard status == 0 else {
            throw Diagnostic("test.shell", "status \(status) of: \(line)\n\(output.suffix(4000))")
        }
        return output
    }

    /// Whether all these commands are on the search path.
    package static func has(_ commands: String...) -> Bool {
        commands.allSatisfy { (try? run("command -v \($0)").status) == 0 }
    }
}
