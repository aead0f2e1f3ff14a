import MartletCore
import MartletIR
import MartletLibrary

enum ConvTranspose: ONNXOperator {
    /// Version 11 turns round which side gets an odd element of a padding that `output_shape` asks for.
    static let versions = [1, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (x, weights) = (try node.input(0), try node.input(1))
        let count = try node.spatialCount()
        try node.requireKernelShape(of: weights)
        let extra = try node.ints("output_padding")
        guard extra.map({ $0.count == count && $0.allSatisfy { (0..<1 << 30).contains($0) } }) ?? true else {
            throw Diagnostic("onnx.attribute", "'output_padding' must have \(count) entries that are not negative")
        }
        let stride = try node.spatial("strides", count)
        let result = try x.transposedConvolution(
            weights, bias: try node.optional(2), stride: stride, dilation: try node.spatial("dilations", count),
            extent: try extent(node, stride), extra: extra, groups: try node.int("group", default: 1))
        return [result]
    }

    private static func extent(_ node: ImportedNode, _ stride: [Int]) throws -> TransposedExtent {
        let mode = try node.string("auto_pad", default: "NOTSET")
        let isUpper = mode == "SAME_UPPER"
        if let sizes = try node.ints("output_shape"), !sizes.isEmpty {
            guard sizes.count >= stride.count, sizes.allSatisfy({ $0 >= 0 }) else {
                throw Diagnostic("onnx.attribute", "'output_shape' must have \(stride.count) entries, not \(sizes)")
            }
            // Some files name all axes.
            return .sizes(sizes.suffix(stride.count).map { IntExpr($0) }, oddBefore: isUpper == (node.version < 11))
        }
        switch try node.spatialPadding(stride.count) {
        case .same:
            let extents = try node.shape(of: node.input(0)).dropFirst(2)
            return .sizes(zip(extents, stride).map { $0 * IntExpr($1) }, oddBefore: !isUpper)
        case .explicit(let low, let high):
            let none = stride.map { _ in 0 }
            return .without(low: low.isEmpty ? none : low, high: high.isEmpty ? none : high)
        }
    }
}
