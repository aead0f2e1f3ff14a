internal import Synchronization

/// A request to stop a run, which any thread may make.
///
/// The run looks at it before each step and each part of a step's grid, and throws `run.cancelled`.
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
