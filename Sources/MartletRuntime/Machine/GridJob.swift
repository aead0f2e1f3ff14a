/// One kernel over its whole grid, in chunks. All pointers stay valid until the job is done.
struct GridJob {
    var kernel: KernelFunction
    var bases: UnsafeMutablePointer<UInt64>
    var words: UnsafeMutablePointer<Int64>
    var grid: Int
    var chunks: Int
    /// Scratch memory of the calling thread; that of pool thread `i` lies `i * scratchStride` bytes behind.
    var scratch: UnsafeMutableRawPointer?
    var scratchStride: Int
    /// Looked at before each call of the kernel.
    var cancellation: Unmanaged<Cancellation>?
    /// How many grid points the first call of a chunk takes, if it can be cancelled.
    var firstPoints = Int.max

    /// Computes one chunk on the thread with this index in the pool.
    @inline(__always)
    func compute(chunk: Int, thread: Int) {
        let (size, rest) = (grid / chunks, grid % chunks)
        let first = chunk * size + min(chunk, rest)
        compute(from: first, to: first + size + (chunk < rest ? 1 : 0), scratch.map { $0 + thread * scratchStride })
    }

    /// Computes the whole grid on the calling thread.
    @inline(__always)
    func compute() { compute(from: 0, to: grid, scratch) }

    @inline(__always)
    private func compute(from first: Int, to last: Int, _ scratch: UnsafeMutableRawPointer?) {
        if cancellation != nil, last - first > firstPoints {
            computeByTheClock(first..<last, scratch)
        } else if !isCancelled {
            kernel(bases, words, Int64(first), Int64(last), scratch)
        }
    }

    private var isCancelled: Bool { cancellation?._withUnsafeGuaranteedRef { $0.isCancelled } ?? false }

    /// Computes grid points in as many calls as it takes to look at the cancellation often. What the engine says of its
    /// work, if anything, is an estimate; so after the first call the clock says how many points the next one takes.
    private func computeByTheClock(_ points: Range<Int>, _ scratch: UnsafeMutableRawPointer?) {
        var (next, count) = (points.lowerBound, firstPoints)
        while next < points.upperBound {
            if isCancelled { return }
            if points.upperBound - next <= count {
                return kernel(bases, words, Int64(next), Int64(points.upperBound), scratch)
            }
            let start = Clock.nanoseconds()
            kernel(bases, words, Int64(next), Int64(next + count), scratch)
            next += count
            count = WorkEstimate.points(after: count, nanoseconds: Clock.nanoseconds() - start)
        }
    }
}
