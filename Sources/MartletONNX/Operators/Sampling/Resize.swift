import MartletCore
import MartletIR
import MartletLibrary

/// Version 10 has no modes of coordinates: they are those of Upsample. Version 11 adds regions and sizes, 18 axes,
/// antialiasing and policies.
enum Resize: ONNXOperator {
    static let versions = [10, 11, 13, 18, 19]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let shape = try node.shape(of: x)
        let resampling = try resampling(node)
        let axes = try node.axes(try node.ints("axes") ?? Array(shape.indices), rank: shape.count)
        var sizing = try ResizeExtents(node, shape, axes)
        if resampling.coordinates == .cropAndResize { try sizing.readRegions(node.input(1)) }
        return [try x.resampled(resampling, sizing.resampledAxes(node))]
    }

    private static func resampling(_ node: ImportedNode) throws -> Resampling {
        if node.version == 10 { return try Resampling(node.resizeFilter(.simple), .asymmetric) }
        let name = try node.string("coordinate_transformation_mode", default: "half_pixel")
        guard let coordinates = Resampling.Coordinates(rawValue: name) else {
            throw Diagnostic("onnx.attribute", "coordinate_transformation_mode '\(name)' is unknown")
        }
        let mode = try node.string("nearest_mode", default: "round_prefer_floor")
        guard let rounding = Resampling.Rounding(rawValue: mode), rounding != .simple else {
            throw Diagnostic("onnx.attribute", "nearest_mode '\(mode)' is unknown")
        }
        return Resampling(
            try node.resizeFilter(rounding), coordinates, antialiases: try node.flag("antialias"),
            excludesOutside: try node.flag("exclude_outside"),
            extrapolation: try node.float("extrapolation_value", default: 0))
    }
}

/// Version 1 names the scales of height and width, 7 all of them in an attribute, 9 takes an operand.
enum Upsample: ONNXOperator {
    static let versions = [1, 7, 9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let shape = try node.shape(of: x)
        let extents = try ResizeExtents(shape, scales: scales(node, rank: shape.count))
        let resampling = Resampling(try node.resizeFilter(.floor), .asymmetric)
        return [try x.resampled(resampling, extents.resampledAxes(node))]
    }

    private static func scales(_ node: ImportedNode, rank: Int) throws -> Tensor {
        if node.version >= 9 { return try node.input(1) }
        var values = try node.floats("scales")
        if node.version == 1 {
            let height = try node.required("height_scale", try node.float("height_scale"))
            values = [1, 1, height, try node.required("width_scale", try node.float("width_scale"))]
        }
        let scales = try node.required("scales", values)
        guard scales.count == rank else {
            throw Diagnostic("onnx.attribute", "\(scales.count) scales for a tensor of rank \(rank)")
        }
        return Tensor(try HostTensor(scales.map { Float($0) }, shape: [rank]))
    }
}

extension ImportedNode {
    /// The filter that attribute `mode` names.
    fileprivate func resizeFilter(_ rounding: Resampling.Rounding) throws -> Resampling.Filter {
        switch try string("mode", default: "nearest").lowercased() {
        case "nearest": return .nearest(rounding)
        case "linear", "bilinear": return .linear
        case "cubic": return .cubic(a: try float("cubic_coeff_a", default: -0.75))
        case let other: throw Diagnostic("onnx.attribute", "mode '\(other)' is unknown")
        }
    }
}
