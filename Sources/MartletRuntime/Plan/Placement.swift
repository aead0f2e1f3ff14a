internal import MartletCore
internal import MartletEngine

/// Where the values of the arena lie: first fit, in the order of the engine's table.
///
/// Which values may not overlap does not depend on shapes, so that is found once; per set of shapes the work is then
/// about linear for networks in which each value meets few others.
struct Placement: Sendable {
    static let alignment = 64
    /// For each buffer, those before it in the table that live at the same time.
    private let conflicts: [[Int32]]

    init(_ buffers: [Engine.Buffer]) {
        var conflicts: [[Int32]] = []
        conflicts.reserveCapacity(buffers.count)
        for (index, buffer) in buffers.enumerated() {
            var earlier: [Int32] = []
            for other in 0..<index
            where buffers[other].firstStep <= buffer.lastStep
                && buffer.firstStep <= buffers[other].lastStep
            {
                earlier.append(Int32(other))
            }
            conflicts.append(earlier)
        }
        self.conflicts = conflicts
    }

    /// Offsets of buffers with these sizes, and the size of the arena, in bytes.
    ///
    /// - Throws: `plan.too-large` if the arena's size does not fit an `Int`.
    func offsets(sizes: [Int]) throws -> (offsets: [Int], total: Int) {
        var offsets = [Int](repeating: 0, count: sizes.count)
        var total = 0
        var taken: [(start: Int, end: Int)] = []
        for (index, size) in sizes.enumerated() where size > 0 {
            taken.removeAll(keepingCapacity: true)
            for other in conflicts[index] where sizes[Int(other)] > 0 {
                taken.append((offsets[Int(other)], offsets[Int(other)] + sizes[Int(other)]))
            }
            taken.sort { $0.start < $1.start }
            let end = try Self.firstFit(size, among: taken, start: &offsets[index])
            total = max(total, end)
        }
        return (offsets, total)
    }

    /// Sets `start` to the first aligned gap of `size` bytes and returns its end.
    private static func firstFit(_ size: Int, among taken: [(start: Int, end: Int)], start: inout Int) throws -> Int {
        start = 0
        for block in taken {
            if block.start - start >= size { break }
            start = max(start, try align(block.end))
        }
        let (end, overflow) = start.addingReportingOverflow(size)
        guard !overflow else { throw tooLarge() }
        return end
    }

    /// The next multiple of the alignment.
    static func align(_ value: Int) throws -> Int {
        let (padded, overflow) = value.addingReportingOverflow(alignment - 1)
        guard !overflow else { throw tooLarge() }
        return padded & ~(alignment - 1)
    }

    static func tooLarge() -> Diagnostic {
        Diagnostic("plan.too-large", "the memory of a run does not fit the address space", help: "use smaller inputs")
    }
}
