import MartletCore
import MartletIR
import MartletLibrary

/// The shapes of image and block may be computed while the model runs.
enum Col2Im: ONNXOperator {
    static let versions = [18]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let extents = try node.shape(of: x)
        guard extents.count == 3 else { throw Diagnostic("onnx.rank", "the operand must have rank 3") }
        let block = try node.dims(of: node.input(2), upper: extents[1])
        let count = block.count
        let stride = try node.ints("strides") ?? Array(repeating: 1, count: count)
        let dilation = try node.ints("dilations") ?? Array(repeating: 1, count: count)
        let pads = try node.ints("pads") ?? Array(repeating: 0, count: 2 * count)
        guard pads.count == 2 * count else {
            throw Diagnostic("onnx.attribute", "'pads' must have \(2 * count) entries, not \(pads.count)")
        }
        // There are no more blocks along an axis than there are in all.
        let reach = extents[2] * IntExpr(stride.max() ?? 1) + extents[1] * IntExpr(dilation.max() ?? 1)
        let layout = try BlockLayout(
            image: try node.dims(of: node.input(1), upper: reach), block: block, stride: stride, dilation: dilation,
            low: Array(pads[..<count]), high: Array(pads[count...]))
        return [try x.folded(layout)]
    }
}
