import MartletCore
import MartletIR
import MartletLibrary

/// Version 20 renames the modes, and allows any number of spatial axes.
enum GridSample: ONNXOperator {
    static let versions = [16, 20]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let filter: GridSampling.Filter
        switch try node.string("mode", default: "linear") {
        case "linear", "bilinear": filter = .linear
        case "cubic", "bicubic": filter = .cubic
        case "nearest": filter = .nearest
        case let other: throw Diagnostic("onnx.attribute", "mode '\(other)' is unknown")
        }
        let name = try node.string("padding_mode", default: "zeros")
        guard let border = GridSampling.Border(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "padding_mode '\(name)' is unknown")
        }
        let sampling = GridSampling(filter, border: border, alignsCorners: try node.flag("align_corners"))
        return [try node.input(0).gridSampled(try node.input(1), sampling)]
    }
}

enum AffineGrid: ONNXOperator {
    static let versions = [20]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let matrices = try node.input(0)
        let extents = try node.input(1)
        // The number of axes follows from either operand.
        let known = try node.shape(of: extents).first?.constant
        guard try matrices.rank == 3, let count = try known ?? node.shape(of: matrices)[1].constant.map({ $0 + 2 }),
            count == 4 || count == 5
        else {
            throw Diagnostic("onnx.input", "the size must have 4 or 5 entries, and the matrices rank 3")
        }
        let size = try node.dims(of: try extents.reshaped(to: [IntExpr(count)]))
        try node.recorder.require(matrices.shape[0], equals: size[0], "the batch of the matrices and of the size")
        return [try matrices.affineGrid(sizes: Array(size.dropFirst(2)), alignsCorners: try node.flag("align_corners"))]
    }
}
