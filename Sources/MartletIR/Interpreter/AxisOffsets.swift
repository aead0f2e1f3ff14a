import MartletCore

/// Positions of elements in row-major tensors, as tables: plain, and fast enough for every loop of the interpreter.
enum AxisOffsets {
    /// Elements between neighbours along each axis. Never overflows: a tensor's shape bounds its strides.
    static func strides(of shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in stride(from: shape.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }

    /// Offsets of all points of some axes, in row-major order of the axes as listed; the other coordinates are 0.
    static func offsets(of axes: [Int], in shape: [Int]) -> [Int] {
        let strides = strides(of: shape)
        var offsets = [0]
        for axis in axes {
            var next: [Int] = []
            next.reserveCapacity(offsets.count * shape[axis])
            for offset in offsets {
                for coordinate in 0..<shape[axis] { next.append(offset + coordinate * strides[axis]) }
            }
            offsets = next
        }
        return offsets
    }

    /// The axes below `rank` that are not in `axes`, ascending.
    static func others(than axes: [Int], rank: Int) -> [Int] {
        (0..<rank).filter { !axes.contains($0) }
    }
}
