import Glibc
import Martlet

/// A child process of this program, and what it prints.
final class WorkerProcess {
    /// What a process left behind.
    struct End {
        /// Number of the signal that ended it; 0 if it ended by itself.
        let signal: Int32
        /// Exit status, if it ended by itself.
        let status: Int32
        /// The last of what it printed on standard error.
        let errors: String
    }

    private let process: pid_t
    /// Standard output, to be polled.
    let output: Int32
    /// Standard error, to be polled.
    let errors: Int32
    private var pendingOutput: [UInt8] = []
    private var lastErrors: [UInt8] = []
    private(set) var isOpen = true
    private static let errorLimit = 4096

    /// Starts this program with other arguments.
    ///
    /// - Throws: `process.start` with the reason of the system.
    init(_ arguments: [String]) throws {
        let (outputs, errors) = (try Self.pipe(), try Self.pipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, outputs.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO)
        var child: pid_t = 0
        let words = ["martlet"] + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        let failure = posix_spawn(&child, "/proc/self/exe", &actions, nil, pointers, environ)
        close(outputs.write)
        close(errors.write)
        (process, output, self.errors) = (child, outputs.read, errors.read)
        guard failure == 0 else {
            isOpen = false
            closeStreams()
            throw Self.problem(failure)
        }
    }

    deinit {
        guard isOpen else { return }
        kill()
        _ = end()
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw problem(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func problem(_ number: Int32) -> Diagnostic {
        Diagnostic("process.start", "cannot start a process: \(String(cString: strerror(number)))")
    }

    private func closeStreams() {
        close(output)
        close(errors)
    }

    /// Ends the process.
    func kill() { _ = Glibc.kill(process, SIGKILL) }

    /// Reads what is there on standard output; nil at its end. Gives whole lines.
    func readLines() -> [String]? {
        guard let bytes = Self.read(output) else { return nil }
        pendingOutput += bytes
        guard let last = pendingOutput.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let lines = pendingOutput[..<last].split(separator: UInt8(ascii: "\n"))
        let texts = lines.map { String(decoding: $0, as: UTF8.self) }
        pendingOutput.removeFirst(last + 1)
        return texts
    }

    /// Reads what is there on standard error; false at its end.
    func readErrors() -> Bool {
        guard let bytes = Self.read(errors) else { return false }
        lastErrors = Array((lastErrors + bytes).suffix(Self.errorLimit))
        return true
    }

    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 { return Array(buffer.prefix(count)) }
            if count < 0 && errno == EINTR { continue }
            return nil
        }
    }

    /// Waits for the end of the process.
    func end() -> End {
        while readErrors() {}
        closeStreams()
        isOpen = false
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return End(
            signal: status & 0x7f, status: status >> 8 & 0xff, errors: String(decoding: lastErrors, as: UTF8.self))
    }
}
