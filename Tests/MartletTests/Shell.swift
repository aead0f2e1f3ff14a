import Glibc
import Martlet

/// Commands of the system, and where the package is.
enum Shell {
    /// The folder of the package.
    static let package: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// Runs a line of the shell; gives its exit status, 128 and more if a signal ended it, and all that it prints.
    static func run(_ line: String) throws -> (status: Int32, output: String) {
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
    static func check(_ line: String) throws -> String {
        let (status, output) = try run(line)
        guard status == 0 else {
            throw Diagnostic("test.shell", "status \(status) of: \(line)\n\(output.suffix(4000))")
        }
        return output
    }

    /// Whether all these commands are on the search path.
    static func has(_ commands: String...) -> Bool {
        commands.allSatisfy { (try? run("command -v \($0)").status) == 0 }
    }

    /// Whether the tests that take minutes are wanted.
    static let wantsLongTests = getenv("MARTLET_LONG") != nil
}

/// The networks that were laid out for the tests.
enum PreparedCases {
    static let folder: String = getenv("MARTLET_PREPARED").map { String(cString: $0) } ?? ".build/prepared"
    static let missing = "no prepared cases; set MARTLET_PREPARED to the folder that holds onnx/ and real/"

    /// Paths below the folder, of those that are there.
    static func present(_ names: [String]) -> [String] {
        names.filter { access("\(folder)/\($0)/model.onnx", R_OK) == 0 }
    }
}
