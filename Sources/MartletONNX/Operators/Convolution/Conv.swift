import MartletCore
import MartletIR
import MartletLibrary

enum Conv: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (x, weights) = (try node.input(0), try node.input(1))
        let count = try node.spatialCount()
        try node.requireKernelShape(of: weights)
        let result = try x.convolution(
            weights, bias: try node.optional(2), stride: try node.spatial("strides", count),
            padding: try node.spatialPadding(count), dilation: try node.spatial("dilations", count),
            groups: try node.int("group", default: 1))
        return [result]
    }
}
