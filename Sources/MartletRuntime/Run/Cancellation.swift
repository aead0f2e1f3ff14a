internal import Synchronization

/// A request to stop a run, which any thread may make.
///
/// The run looks at it before each step and, in a step that takes long, every few milliseconds between grid points; then
/// it throws `run.cancelled`. One grid point is not interrupted.
public final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A request not yet made.
    public init() {}

    /// Makes the request; cannot be taken back.
    public func cancel() {
        flag.store(true, ordering: .relaxed)
    }

    /// Whether the request was made.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}
