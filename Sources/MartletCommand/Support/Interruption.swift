import Glibc
import Martlet
import MartletCore
import Synchronization

/// What happens on an interrupt from the keyboard: runs are cancelled; if the process does not end by itself at once, it
/// is ended. Files are written under another name first, so that none is left half.
enum Interruption {
    /// Exit status after an interrupt.
    static let status: Int32 = 130

    /// Cancels the runs that are given it.
    static let cancellation = Cancellation()

    /// Whether an interrupt came.
    static var isRequested: Bool { cancellation.isCancelled }

    /// Takes the signal away from all threads and gives it to one that waits for it.
    static func install() {
        var signals = signals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var thread = pthread_t()
        if pthread_create(&thread, nil, waitForSignal, nil) == 0 { pthread_detach(thread) }
    }

    private static var signals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        return signals
    }

    fileprivate static func wait() -> Never {
        var signals = signals
        var received: Int32 = 0
        while sigwait(&signals, &received) != 0 || received != SIGINT {}
        cancellation.cancel()
        usleep(300_000)
        AtomicFile.abandonAll()
        ProgressLine.clear()
        _exit(status)
    }

    /// - Throws: `run.cancelled` if an interrupt came.
    static func check() throws {
        if isRequested { throw Diagnostic("run.cancelled", "interrupted") }
    }
}

/// The body of the thread that waits; a C function.
private func waitForSignal(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Interruption.wait()
}
