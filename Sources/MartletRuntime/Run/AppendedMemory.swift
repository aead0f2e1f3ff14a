internal import MartletCore
internal import MartletEngine

/// The memory of a state that runs append to. The axis along which it grows lies outermost in it.
///
/// Invariant: `memory` begins with the elements of `shape` in the order that `Engine.Append` says; what lies behind them
/// is for the next run to write. Unchecked only for that: whoever holds it runs one run at a time.
final class AppendedMemory: @unchecked Sendable {
    private let type: ElementType
    private let growth: Engine.Append
    private let pool: MemoryPool
    private var memory: OutputMemory
    /// Extents of what is there.
    private(set) var shape: [Int]

    /// Memory that holds the elements of a tensor.
    ///
    /// - Throws: `run.out-of-memory`.
    init(_ tensor: HostTensor, _ growth: Engine.Append, pool: MemoryPool) throws {
        (type, shape, self.growth, self.pool) = (tensor.type, tensor.shape, growth, pool)
        memory = try OutputMemory(tensor.byteCount, from: pool)
        tensor.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            forEachRun { (memory.start + $1).copyMemory(from: start + $0, byteCount: $2) }
        }
    }

    /// Where the elements are.
    var start: UnsafeMutableRawPointer { memory.start }

    /// Bytes of one place of the axis that grows.
    private var rowByteCount: Int {
        shape.indices.reduce(type.bitWidth / 8) { $1 == growth.axis ? $0 : $0 * shape[$1] }
    }

    /// Above this the greatest extent is not made room for at once.
    private static let greatestReserve = 1 << 34

    /// Makes room for `count` bytes in all: for the greatest extent where that is known, else for twice as many, so that
    /// what is there moves seldom.
    ///
    /// - Throws: `run.out-of-memory`.
    func reserve(_ count: Int) throws {
        guard count > memory.count else { return }
        let (bound, overflow) = (growth.capacity ?? 0).multipliedReportingOverflow(by: rowByteCount)
        let isKnown = !overflow && bound >= count && bound <= Self.greatestReserve
        // Memory of such sizes is mapped, and takes pages only where it is written.
        let larger = try OutputMemory(isKnown ? bound : count + min(count, Self.greatestReserve), from: pool)
        larger.start.copyMemory(from: memory.start, byteCount: shape[growth.axis] * rowByteCount)
        memory = larger
    }

    /// Says what is there after a run.
    func extend(to shape: [Int]) { self.shape = shape }

    /// The elements as a tensor of their own.
    ///
    /// - Throws: `core.out-of-memory`.
    func tensor() throws -> HostTensor {
        try HostTensor.make(type, shape: shape) { target in
            guard let start = target.baseAddress else { return }
            forEachRun { (start + $0).copyMemory(from: memory.start + $1, byteCount: $2) }
        }
    }

    /// The same state in memory of its own.
    ///
    /// - Throws: as `tensor()`.
    func copy() throws -> AppendedMemory { try AppendedMemory(tensor(), growth, pool: pool) }

    /// Calls `body` with the byte offset in row-major order, the byte offset in memory and the length of every run of
    /// elements that lies together in both.
    private func forEachRun(_ body: (Int, Int, Int) -> Void) {
        let outer = shape[..<growth.axis].reduce(1, *), rows = shape[growth.axis]
        let count = shape[(growth.axis + 1)...].reduce(type.bitWidth / 8, *)
        guard count > 0 else { return }
        for block in 0..<outer {
            for row in 0..<rows { body((block * rows + row) * count, (row * outer + block) * count, count) }
        }
    }
}
