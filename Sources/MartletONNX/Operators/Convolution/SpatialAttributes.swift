import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// A list with an entry for each spatial axis, all 1 by default.
    func spatial(_ name: String, _ count: Int) throws -> [Int] {
        let values = try ints(name) ?? Array(repeating: 1, count: count)
        guard values.count == count, values.allSatisfy({ $0 > 0 && $0 < 1 << 30 }) else {
            throw Diagnostic("onnx.attribute", "'\(name)' must have \(count) positive entries, not \(values)")
        }
        return values
    }

    /// The padding that `auto_pad` and `pads` ask for.
    func spatialPadding(_ count: Int) throws -> SpatialPadding {
        switch try string("auto_pad", default: "NOTSET") {
        case "SAME_UPPER": return .same(before: false)
        case "SAME_LOWER": return .same(before: true)
        case "VALID": return .valid
        case "NOTSET", "":
            let pads = try ints("pads") ?? Array(repeating: 0, count: count * 2)
            guard pads.count == count * 2 else {
                throw Diagnostic("onnx.attribute", "'pads' must have \(count * 2) entries, not \(pads.count)")
            }
            return .explicit(low: Array(pads[..<count]), high: Array(pads[count...]))
        case let other: throw Diagnostic("onnx.attribute", "auto_pad '\(other)' is unknown")
        }
    }

    /// The number of spatial axes of the first operand.
    func spatialCount() throws -> Int {
        let count = try input(0).rank - 2
        guard count >= 1 else { throw Diagnostic("onnx.rank", "the operand needs a spatial axis") }
        return count
    }

    /// The windows of a pooling.
    func poolingWindows() throws -> PoolingWindows {
        let count = try spatialCount()
        _ = try required("kernel_shape", try ints("kernel_shape"))
        return try PoolingWindows(
            kernel: try spatial("kernel_shape", count), stride: try spatial("strides", count),
            dilation: try spatial("dilations", count), padding: try spatialPadding(count),
            roundsUp: try flag("ceil_mode"))
    }

    /// Requires that the weights (O, C, spatial…) have the extents of `kernel_shape`, where it is given.
    func requireKernelShape(of weights: Tensor) throws {
        guard let kernel = try ints("kernel_shape") else { return }
        let extents = Array(try weights.shape.dropFirst(2))
        guard kernel.count == extents.count else {
            throw Diagnostic("onnx.attribute", "'kernel_shape' must have \(extents.count) entries")
        }
        for (size, extent) in zip(kernel, extents) {
            try recorder.require(extent, equals: IntExpr(size), "the weights' shape and kernel_shape")
        }
    }
}
