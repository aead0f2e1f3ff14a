/// How long a step takes, roughly: enough to decide whether other threads are worth asking.
enum WorkEstimate {
    /// Operations a nanosecond on one thread; a modest figure, as few kernels reach the peak.
    private static let operationsPerNanosecond: Double = 40
    /// Bytes a nanosecond on one thread, from caches of its own.
    private static let bytesPerNanosecond: Double = 30
    /// Least work that is shared among threads, in nanoseconds: below, the hand-over eats the gain.
    static let sharingThreshold: Double = 5_000
    /// Least work of a chunk, in nanoseconds.
    static let chunkWork: Double = 1_000
    /// Work after which a run looks for a cancellation again, in nanoseconds.
    private static let cancellationInterval: Double = 2_000_000
    /// Most grid points of a first call, whatever the engine says of their work; one more call is nothing beside so many.
    private static let mostFirstPoints = 0x1_0000
    /// How many times more points a call may take than the one before it: one call may not be like the next.
    private static let greatestGrowth: Double = 8

    /// The estimate for a kernel step in nanoseconds; 0 where the engine says nothing, infinite where it is too much for
    /// an expression.
    @inline(__always)
    static func nanoseconds(_ instruction: Instruction, _ values: UnsafePointer<Int64>) -> Double {
        max(
            amount(instruction.flops, values) / operationsPerNanosecond,
            amount(instruction.bytes, values) / bytesPerNanosecond)
    }

    @inline(__always)
    private static func amount(_ entry: Int32, _ values: UnsafePointer<Int64>) -> Double {
        guard entry >= 0 else { return 0 }
        let value = values[Int(entry)]
        return value == ExpressionTable.undefined ? .infinity : Double(max(value, 0))
    }

    /// How many grid points a kernel that can be cancelled is given first: all that take no longer than the interval by
    /// the estimate of the work of the grid, one where there is no estimate.
    @inline(__always)
    static func firstPoints(of grid: Int, work: Double) -> Int {
        guard work > 0 else { return 1 }
        if work <= cancellationInterval { return mostFirstPoints }
        return Int(max(1, min(Double(grid) * cancellationInterval / work, Double(mostFirstPoints))))
    }

    /// How many grid points the next call takes after one of `count` points took that long.
    static func points(after count: Int, nanoseconds: UInt64) -> Int {
        let growth = min(cancellationInterval / Double(max(nanoseconds, 1)), greatestGrowth)
        return Int(max(1, min(Double(count) * growth, Double(1 << 53))))
    }
}
