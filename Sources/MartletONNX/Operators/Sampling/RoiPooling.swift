import MartletCore
import MartletIR
import MartletLibrary

enum RoiAlign: ONNXOperator {
    /// Version 16 adds the mode of coordinates; before, it was `output_half_pixel`.
    static let versions = [10, 16]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let standard = node.version < 16 ? "output_half_pixel" : "half_pixel"
        let coordinates = try node.string("coordinate_transformation_mode", default: standard)
        guard ["half_pixel", "output_half_pixel"].contains(coordinates) else {
            throw Diagnostic("onnx.attribute", "coordinate_transformation_mode '\(coordinates)' is unknown")
        }
        let mode = try node.string("mode", default: "avg")
        guard ["avg", "max"].contains(mode) else { throw Diagnostic("onnx.attribute", "mode '\(mode)' is unknown") }
        let alignment = try RoiAlignment(
            height: try node.int("output_height", default: 1), width: try node.int("output_width", default: 1),
            samples: try node.int("sampling_ratio", default: 0), scale: try node.float("spatial_scale", default: 1),
            usesHalfPixels: coordinates == "half_pixel", takesMaximum: mode == "max")
        return [try node.input(0).roiAligned(try node.input(1), batch: try node.input(2), alignment)]
    }
}

enum MaxRoiPool: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let size = try node.required("pooled_shape", try node.ints("pooled_shape"))
        guard size.count == 2 else { throw Diagnostic("onnx.attribute", "'pooled_shape' must have 2 entries") }
        let result = try node.input(0).maxRoiPooled(
            try node.input(1), height: size[0], width: size[1], scale: try node.float("spatial_scale", default: 1))
        return [result]
    }
}
