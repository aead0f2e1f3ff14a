internal import MartletCore
internal import MartletEngine

/// Memory that a run leases for values whose size it learns.
///
/// Invariant: used by one run at a time, as the frame it belongs to; no block is given back while a kernel may touch
/// it.
final class GrownMemory {
    /// Values that share one block.
    struct Zone {
        var block: MemoryBlock?
        /// The sizes that `offsets` were found for, and those needed now.
        var sizes: [Int], wanted: [Int]
        var offsets: [Int]
        var total = 0
    }

    var zones: [Zone]
    /// For each buffer that lies in no zone its block.
    var singles: [MemoryBlock?]
    /// For each buffer how many bytes its place has now.
    var extents: [Int]
    /// For each output how many bytes it has now.
    var outputs: [Int]
    /// Scratch memory for all threads, and how much each has.
    var scratch: (block: MemoryBlock, stride: Int)?
    /// Bytes of all that was leased for this run.
    private(set) var held = 0

    private let pool: MemoryPool
    private let limit: Int

    init(_ engine: LoadedEngine) {
        pool = engine.runtime.memory
        limit = engine.runtime.growthLimit
        zones = engine.growth.zones.map { zone in
            let none = [Int](repeating: 0, count: zone.buffers.count)
            return Zone(block: nil, sizes: none, wanted: none, offsets: none)
        }
        singles = Array(repeating: nil, count: engine.engine.buffers.count)
        extents = Array(repeating: 0, count: engine.engine.buffers.count)
        outputs = Array(repeating: 0, count: engine.engine.outputs.count)
    }

    deinit { release() }

    /// Gives everything back.
    func release() {
        for index in zones.indices { giveBack(&zones[index].block) }
        for index in singles.indices { giveBack(&singles[index]) }
        if let scratch { pool.giveBack(scratch.block) }
        scratch = nil
        for index in extents.indices { extents[index] = 0 }
        for index in outputs.indices { outputs[index] = 0 }
        held = 0
    }

    private func giveBack(_ block: inout MemoryBlock?) {
        if let block { pool.giveBack(block) }
        block = nil
    }

    /// A size of at least `count` bytes for something that has `old` bytes: twice as many, where the limit allows.
    ///
    /// - Throws: `run.out-of-memory` for what the run may not have.
    func capacity(for count: Int, growing old: Int, _ name: @autoclosure () -> String) throws -> Int {
        let others = held - old
        let room = max(limit - others, 0)
        guard count <= room else {
            throw Diagnostic(
                "run.out-of-memory",
                "\(name()) needs \(count) bytes, and values of this run that grow may have "
                    + "\(limit), of which \(others) are in use",
                help: "use smaller inputs, or give the runtime a greater limit")
        }
        return max(count, min(old.multipliedReportingOverflow(by: 2).partialValue, room))
    }

    /// Takes the place of a block that had `old` bytes, or is new.
    func lease(_ count: Int, insteadOf old: Int) throws -> MemoryBlock {
        let block = try pool.lease(count)
        note(count, insteadOf: old)
        return block
    }

    func giveBack(_ block: MemoryBlock) { pool.giveBack(block) }

    /// Counts memory that now has `count` bytes and had `old`.
    func note(_ count: Int, insteadOf old: Int) { held += count - old }
}
