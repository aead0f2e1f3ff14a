import MartletCore

/// A box of elements in two memories at once, all counted in elements: what every affine view and its inverse copy.
struct StridedBox {
    /// Where the box lies in one of the memories.
    struct Layout {
        /// Position of the first element.
        var offset: Int
        /// Distance of neighbours along each axis; may be 0 or negative.
        var strides: [Int]
    }

    /// Extents, outermost first.
    var extents: [Int]
    var source: Layout
    var target: Layout

    /// Distances of neighbours in a contiguous tensor; extents of 0 count as 1.
    static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in stride(from: shape.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * Swift.max(shape[axis + 1], 1)
        }
        return strides
    }

    /// Whether the box has no elements.
    var isEmpty: Bool { extents.contains(0) }

    /// Throws unless all elements lie inside memories of so many elements.
    func check(source sourceCount: Int, target targetCount: Int) throws {
        if isEmpty { return }
        guard Self.fits(source, extents, sourceCount), Self.fits(target, extents, targetCount) else {
            throw Diagnostic("run.view-bounds", "a view reaches outside its tensor")
        }
    }

    private static func fits(_ layout: Layout, _ extents: [Int], _ count: Int) -> Bool {
        var (lowest, highest) = (layout.offset, layout.offset)
        for (extent, stride) in zip(extents, layout.strides) {
            let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
            let (end, outside) = (reach < 0 ? lowest : highest).addingReportingOverflow(reach)
            if overflow || outside { return false }
            if reach < 0 { lowest = end } else { highest = end }
        }
        return lowest >= 0 && highest < count
    }

    /// The same box with axes of extent 1 dropped and neighbouring axes merged where both memories allow.
    func coalesced() -> StridedBox {
        var result = StridedBox(
            extents: [], source: Layout(offset: source.offset, strides: []),
            target: Layout(offset: target.offset, strides: []))
        for (axis, extent) in extents.enumerated() where extent != 1 {
            let (from, to) = (source.strides[axis], target.strides[axis])
            if let last = result.extents.indices.last, result.source.strides[last] == from &* extent,
                result.target.strides[last] == to &* extent
            {
                result.extents[last] *= extent
                result.source.strides[last] = from
                result.target.strides[last] = to
            } else {
                result.extents.append(extent)
                result.source.strides.append(from)
                result.target.strides.append(to)
            }
        }
        return result
    }

    /// Calls `body` with the first positions of each innermost run, in row-major order.
    @inline(__always)
    func forEachRun(_ body: (_ source: Int, _ target: Int) -> Void) {
        if isEmpty { return }
        let outer = Swift.max(extents.count - 1, 0)
        var counters = [Int](repeating: 0, count: outer)
        var (from, to) = (source.offset, target.offset)
        while true {
            body(from, to)
            var axis = outer - 1
            while axis >= 0 {
                counters[axis] += 1
                from += source.strides[axis]
                to += target.strides[axis]
                if counters[axis] < extents[axis] { break }
                counters[axis] = 0
                from -= source.strides[axis] * extents[axis]
                to -= target.strides[axis] * extents[axis]
                axis -= 1
            }
            if axis < 0 { return }
        }
    }

    /// Extent of an innermost run and its distances.
    var run: (count: Int, source: Int, target: Int) {
        guard let last = extents.indices.last else { return (1, 1, 1) }
        return (extents[last], source.strides[last], target.strides[last])
    }
}

// MARK: - Copying

extension StridedBox {
    /// Copies elements of `width` bytes each: 1, 2, 4, 8 or 16. The box must fit both memories.
    func copy(width: Int, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        let box = coalesced()
        switch width {
        case 1: box.copy(UInt8.self, source, target)
        case 2: box.copy(UInt16.self, source, target)
        case 4: box.copy(UInt32.self, source, target)
        case 8: box.copy(UInt64.self, source, target)
        default: box.copy(SIMD2<UInt64>.self, source, target)
        }
    }

    private func copy<T: BitwiseCopyable>(
        _ type: T.Type, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
    ) {
        let width = MemoryLayout<T>.size
        let run = run
        if run.source == 1, run.target == 1 {
            forEachRun { from, to in
                (target + to * width).copyMemory(from: source + from * width, byteCount: run.count * width)
            }
            return
        }
        forEachRun { from, to in
            var (from, to) = (source + from * width, target + to * width)
            for _ in 0..<run.count {
                to.storeBytes(of: from.loadUnaligned(as: T.self), as: T.self)
                from += run.source * width
                to += run.target * width
            }
        }
    }

    /// Copies strings. The box must fit both arrays.
    func copy(from source: [String], to target: inout [String]) {
        let run = run
        forEachRun { from, to in
            for step in 0..<run.count { target[to + step * run.target] = source[from + step * run.source] }
        }
    }
}
