import MartletCore
import MartletIR
import MartletLibrary

/// The positions count in the extents that pads, strides and kernel give; `output_shape` only adds zeros behind.
enum MaxUnpool: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let count = try node.spatialCount()
        _ = try node.required("kernel_shape", try node.ints("kernel_shape"))
        let (kernel, stride) = (try node.spatial("kernel_shape", count), try node.spatial("strides", count))
        let pads = try node.ints("pads") ?? Array(repeating: 0, count: count * 2)
        guard pads.count == count * 2 else {
            throw Diagnostic("onnx.attribute", "'pads' must have \(count * 2) entries, not \(pads.count)")
        }
        let extents = try node.shape(of: x)
        let spatial = (0..<count).map { axis in
            let full = (extents[axis + 2] - 1) * IntExpr(stride[axis]) + IntExpr(kernel[axis])
            return Sizes.simplified(full - IntExpr(pads[axis]) - IntExpr(pads[axis + count]))
        }
        let size = try node.optional(2).map { try node.dims(of: try $0.reshaped(to: [IntExpr(count + 2)])) }
        return [try x.maxUnpooled(try node.input(1), spatial: spatial, size: size.map { Array($0.dropFirst(2)) })]
    }
}
