import Glibc
import MartletCore

/// A command run without a shell, with files as its standard streams.
enum ChildProcess {
    /// How a command ended and what it wrote.
    struct Result {
        /// Exit status; 128 plus the number of the signal that ended it.
        var status: Int32
        var output: [UInt8]
        var errors: [UInt8]
    }

    private static let outputLimit = 1 << 30

    /// Runs the program at `path` and waits for its end. Its environment is fixed, so that results do not depend on
    /// the caller's. The files have no name in the file system: nothing remains, however this process ends.
    static func run(_ path: String, _ arguments: [String], input: [UInt8]) throws -> Result {
        let files = [try anonymousFile(), try anonymousFile(), try anonymousFile()]
        defer { for file in files { close(file) } }
        guard FileBytes.write(input, to: files[0]) else { throw Diagnostic.system("cannot write a temporary file") }
        lseek(files[0], 0, SEEK_SET)
        let child = try spawn(path, [path] + arguments, streams: files)
        let status = wait(for: child)
        return Result(status: status, output: try contents(files[1]), errors: try contents(files[2]))
    }

    private static func anonymousFile() throws -> Int32 {
        for folder in ["/tmp", "/dev/shm", "/var/tmp"] {
            let name = "\(folder)/martlet-" + String(UInt64.random(in: 0 ... .max), radix: 16)
            let file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file >= 0 else { continue }
            unlink(name)
            return file
        }
        throw Diagnostic.system("cannot make a temporary file")
    }

    private static func contents(_ file: Int32) throws -> [UInt8] {
        lseek(file, 0, SEEK_SET)
        guard let bytes = FileBytes.read(file, limit: outputLimit) else {
            throw Diagnostic.system("cannot read a temporary file")
        }
        return bytes
    }

    private static func spawn(_ path: String, _ arguments: [String], streams: [Int32]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
        }
        var child: pid_t = 0
        let failure = withCStrings(arguments) { arguments in
            withCStrings(["PATH=/usr/bin:/bin", "LC_ALL=C"]) { environment in
                posix_spawn(&child, path, &actions, nil, arguments, environment)
            }
        }
        guard failure == 0 else { throw Diagnostic.system("cannot start \(path)", error: failure) }
        return child
    }

    private static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            // The process ignores the end of its children: the status is lost, what was written decides.
            if errno != EINTR { return 0 }
        }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Calls `body` with a list of C strings that ends with nil.
    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { (list + index).initialize(to: strdup(string)) }
        (list + strings.count).initialize(to: nil)
        defer {
            for index in strings.indices { free(list[index]) }
            list.deallocate()
        }
        return body(list)
    }
}
