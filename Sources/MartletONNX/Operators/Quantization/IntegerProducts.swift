import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The convolution of integer operands, summed as i32.
    fileprivate func integerConvolution(
        weights: Int, zeroPoint: Int, weightZeroPoint: Int
    ) throws -> Tensor {
        let count = try spatialCount()
        let kernel = try input(weights)
        try requireKernelShape(of: kernel)
        return try input(0).integerConvolution(
            kernel, zeroPoint: try optional(zeroPoint), weightZeroPoint: try optional(weightZeroPoint),
            stride: try spatial("strides", count), padding: try spatialPadding(count),
            dilation: try spatial("dilations", count), groups: try int("group", default: 1))
    }

    fileprivate func scale(_ index: Int) throws -> Tensor { try input(index).cast(to: .float32) }
}

enum ConvInteger: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.integerConvolution(weights: 1, zeroPoint: 2, weightZeroPoint: 3)]
    }
}

enum QLinearConv: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        var sums = try node.integerConvolution(weights: 3, zeroPoint: 2, weightZeroPoint: 5)
        if let bias = try node.optional(8) {
            sums = try (sums + bias.broadcast(to: sums.shape, axes: [1])).checked()
        }
        let scale = try Tensor.elementwise(
            .div, [Tensor.elementwise(.mul, [node.scale(1), node.scale(4)]), node.scale(6)])
        let channels =
            try scale.rank == 0 || scale.shape[0] == 1
            ? scale.reshaped(to: []) : scale.broadcast(to: sums.shape, axes: [1])
        return [try sums.requantized(scale: channels, zeroPoint: try node.input(7))]
    }
}

enum MatMulInteger: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let result = try node.input(0).integerMatmul(
            try node.input(1), zeroPoint: try node.optional(2), otherZeroPoint: try node.optional(3))
        return [result]
    }
}

enum QLinearMatMul: ONNXOperator {
    static let versions = [10, 21]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (a, b) = (try node.input(0), try node.input(3))
        let sums = try a.integerMatmul(
            b, zeroPoint: try node.input(2), otherZeroPoint: try node.input(5))
        // A vector of scales has one for each row of a, and one for each column of b.
        var (rows, result) = (try node.scale(1), try node.scale(6))
        if try rows.rank == 1, try a.rank > 1, try b.rank > 1 { rows = try rows.unsqueezed(axes: [1]) }
        if try result.rank == 1, try result.shape[0] == 1 { result = try result.reshaped(to: []) }
        let scale = try Tensor.elementwise(
            .div, [Tensor.elementwise(.mul, [rows, node.scale(4)]), result])
        return [try sums.requantized(scale: scale, zeroPoint: try node.input(7))]
    }
}
