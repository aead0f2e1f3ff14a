import MartletCore
import MartletIR
import MartletLibrary

enum DeformConv: ONNXOperator {
    static let versions = [19]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let weights = try node.input(1)
        let count = try node.spatialCount()
        try node.requireKernelShape(of: weights)
        guard case .explicit(let low, _) = try node.spatialPadding(count) else {
            throw Diagnostic("onnx.attribute", "'auto_pad' is not known to this operator")
        }
        let result = try node.input(0).deformableConvolution(
            weights, offsets: try node.input(2), mask: try node.optional(4), bias: try node.optional(3),
            stride: try node.spatial("strides", count), low: low, dilation: try node.spatial("dilations", count),
            groups: try node.int("group", default: 1), offsetGroups: try node.int("offset_group", default: 1))
        return [result]
    }
}
