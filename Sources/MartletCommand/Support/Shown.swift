import Synchronization

/// When the progress line was last written, and whether it is there.
final class Shown: Sendable {
    private struct State {
        var next = ContinuousClock.now + .seconds(1)
        var isVisible = false
    }

    private let state = Mutex(State())

    /// Whether it is time to write the line; the first time is a second after the start.
    func isDue() -> Bool {
        state.withLock { state in
            guard ContinuousClock.now >= state.next else { return false }
            state.next = ContinuousClock.now + .milliseconds(100)
            state.isVisible = true
            return true
        }
    }

    /// Whether the line was there; it counts as removed.
    func takeVisible() -> Bool {
        state.withLock { state in
            defer { state.isVisible = false }
            return state.isVisible
        }
    }
}
