import Glibc

/// The standard streams.
enum Console {
    /// Prints a line on standard output at once, so that a reader at the other end of a pipe sees it.
    static func print(_ line: String) {
        write(line + "\n", to: STDOUT_FILENO)
    }

    /// Prints a line on standard error.
    static func error(_ line: String) {
        ProgressLine.clear()
        write(line + "\n", to: STDERR_FILENO)
    }

    /// Writes a text to a stream; what cannot be written is lost.
    static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let written = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if written < 0 && errno == EINTR { continue }
                if written <= 0 { return }
                done += written
            }
        }
    }

    /// Writes out what the C library still holds.
    static func flush() { fflush(nil) }

    /// Whether standard error is a terminal.
    static let hasTerminal = isatty(STDERR_FILENO) == 1
}

/// A line on standard error, if that is a terminal, that says how far long work is.
enum ProgressLine {
    private static let shown = Shown()

    /// Shows a text in place of the one before, ten times a second at most.
    static func show(_ text: @autoclosure () -> String) {
        guard Console.hasTerminal, shown.isDue() else { return }
        Console.write("\r\u{1b}[K" + text(), to: STDERR_FILENO)
    }

    /// Removes the line.
    static func clear() {
        if shown.takeVisible() { Console.write("\r\u{1b}[K", to: STDERR_FILENO) }
    }
}
