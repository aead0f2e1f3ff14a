import MartletCore
public import MartletIR

/// The windows of a pooling over the spatial axes of a tensor (N, C, spatial…).
public struct PoolingWindows: Sendable {
    /// Extents of the window.
    public var kernel: [Int]
    public var stride: [Int]
    public var dilation: [Int]
    public var padding: SpatialPadding
    /// Whether a last window may reach over the end: the number of windows is rounded up, as long as the last one
    /// begins in the tensor or in front of it.
    public var roundsUp: Bool

    /// Describes windows; all lists have an entry for each spatial axis.
    public init(
        kernel: [Int], stride: [Int], dilation: [Int], padding: SpatialPadding, roundsUp: Bool = false
    ) throws {
        let lists = [kernel, stride, dilation]
        guard lists.allSatisfy({ $0.count == kernel.count && $0.allSatisfy { (1..<1 << 30).contains($0) } }) else {
            throw Diagnostic("type.window", "kernel \(kernel), strides \(stride), dilations \(dilation) do not fit")
        }
        (self.kernel, self.stride, self.dilation) = (kernel, stride, dilation)
        (self.padding, self.roundsUp) = (padding, roundsUp)
    }

    /// Padding that makes windows of exactly the right number, and the part of it that counts as padding.
    func borders(_ extents: [IntExpr]) throws -> (low: [IntExpr], high: [IntExpr], declaredHigh: [IntExpr]) {
        guard extents.count == kernel.count else {
            throw Diagnostic("type.window", "a kernel of \(kernel.count) axes for \(extents.count) spatial ones")
        }
        let (low, high) = try padding.resolved(
            extents, kernel: kernel.map { IntExpr($0) }, stride: stride, dilation: dilation)
        guard roundsUp else { return (low, high, high) }
        let reached = extents.indices.map { axis -> IntExpr in
            let step = IntExpr(stride[axis])
            let span = IntExpr((kernel[axis] - 1) * dilation[axis] + 1)
            let padded = extents[axis] + low[axis] + high[axis]
            let count = IntExpr.min(
                (padded - span).ceilDivided(by: step) + 1, (extents[axis] + low[axis]).ceilDivided(by: step))
            return Sizes.simplified((count - 1) * step + span - extents[axis] - low[axis])
        }
        return (low, reached, high)
    }

    var axes: [Window.Axis] {
        kernel.indices.map {
            Window.Axis(axis: $0 + 2, size: IntExpr(kernel[$0]), stride: stride[$0], dilation: dilation[$0])
        }
    }
}

extension Tensor {
    /// The windows as last axes; what lies outside of the tensor has `fill`.
    public func windows(_ windows: PoolingWindows, fill: Tensor) throws -> Tensor {
        let (low, high, _) = try windows.borders(Array(shape.dropFirst(2)))
        return try padded(low: [0, 0] + low, high: [0, 0] + high, with: fill).windowed(windows.axes)
    }

    /// The largest element of each window.
    public func maxPooled(_ windows: PoolingWindows) throws -> Tensor {
        let type = try element
        let rank = try rank
        return try self.windows(windows, fill: .lowest(of: type))
            .reduced(.max, axes: Array(rank..<rank + windows.kernel.count))
    }

    /// The least value of a type, -∞ of floating-point ones.
    static func lowest(of type: ElementType) throws -> Tensor {
        if let lowest = type.lowestInteger {
            return Tensor(try HostTensor.fromInts([Int64(lowest)], as: type, shape: []))
        }
        return try Tensor(-.infinity, as: type)
    }

    /// For each window the position of its largest element, the first of several, among all elements of the tensor in
    /// row-major order; of the spatial axes in column-major order if `columnMajor`.
    public func maxPoolPositions(_ windows: PoolingWindows, columnMajor: Bool = false) throws -> Tensor {
        let extents = try shape
        let spatial = windows.kernel.count
        let (low, _, _) = try windows.borders(Array(extents.dropFirst(2)))
        let inWindow = try self.windows(windows, fill: .lowest(of: element))
            .argReduced(maximum: true, axes: Array(extents.count..<extents.count + spatial))
        let shape = try inWindow.shape
        var rest = inWindow
        var coordinates: [Tensor] = []
        for axis in (0..<spatial).reversed() {
            let size = Tensor(HostTensor(scalar: Int64(windows.kernel[axis])))
            let tap = try rest.mapped(.rem, size)
            rest = try rest.mapped(.div, size)
            let window = try Tensor.iota(shape: shape, axis: axis + 2) * Double(windows.stride[axis])
            coordinates.insert(try window + tap * Double(windows.dilation[axis]) - .dimension(low[axis]), at: 0)
        }
        let channel = try Tensor.iota(shape: shape, axis: 0) * .dimension(extents[1]) + .iota(shape: shape, axis: 1)
        let order = columnMajor ? Array((0..<spatial).reversed()) : Array(0..<spatial)
        let plane = extents.dropFirst(2).reduce(IntExpr(1)) { $0 * $1 }
        var position = Tensor(HostTensor(scalar: Int64(0)))
        for axis in order { position = try position * .dimension(extents[axis + 2]) + coordinates[axis] }
        return try (channel * .dimension(plane) + position).checked()
    }

    /// The mean of each window: of what lies in the tensor, or with the padding, which counts as zeros.
    public func averagePooled(_ windows: PoolingWindows, countingPadding: Bool) throws -> Tensor {
        let rank = try rank
        let extents = Array(try shape.dropFirst(2))
        let (low, high, declaredHigh) = try windows.borders(extents)
        return try inWideType { x in
            let zero = try Tensor.constant(0, like: x)
            let sums = try x.windows(windows, fill: zero).reduced(.sum, axes: Array(rank..<rank + extents.count))
            var result = sums
            let border = (low + high).allSatisfy { $0 == 0 }
            let wholeCount = windows.kernel.reduce(1.0) { $0 * Double($1) }
            if border || (countingPadding && high == declaredHigh) { return sums / wholeCount }
            for axis in extents.indices {
                // Ones where elements count, cut into the same windows.
                let ones = try Tensor.constant(1, like: x).broadcast(to: [extents[axis]], axes: [])
                let inner = countingPadding ? (low: low[axis], high: declaredHigh[axis]) : (low: 0, high: 0)
                let counted = try ones.padded(low: [inner.low], high: [inner.high], with: .constant(1, like: x))
                let padded = try counted.padded(
                    low: [low[axis] - inner.low], high: [high[axis] - inner.high], with: zero)
                var window = windows.axes[axis]
                window.axis = 0
                let counts = try padded.windowed([window]).reduced(.sum, axes: [1])
                result = try result / counts.broadcast(to: sums.shape, axes: [axis + 2])
            }
            return result
        }
    }
}
