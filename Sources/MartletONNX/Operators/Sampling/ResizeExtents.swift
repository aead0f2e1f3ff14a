import MartletCore
import MartletIR
import MartletLibrary

/// What Resize asks of each axis: sizes or scales, which may be data.
struct ResizeExtents {
    private let shape: [IntExpr]
    private let axes: [Int]
    /// Scales or sizes, an entry for each of `axes`.
    private let request: Request
    private var regions: [(start: Tensor, end: Tensor)] = []

    private enum Request {
        /// 0-d, `f32`.
        case scales([Tensor])
        case sizes([IntExpr])
        /// One scale for all axes, 0-d `f32`, and the sizes that it leads to.
        case common(Tensor, [IntExpr])
    }

    /// Scales of all axes, a vector.
    init(_ shape: [IntExpr], scales: Tensor) throws {
        (self.shape, axes) = (shape, Array(shape.indices))
        request = .scales(try Self.entries(scales, count: shape.count, "scales"))
    }

    /// What the operands `scales` and `sizes` of a node ask for.
    init(_ node: ImportedNode, _ shape: [IntExpr], _ axes: [Int]) throws {
        (self.shape, self.axes) = (shape, axes)
        guard node.version > 10, let sizes = try node.optional(3), try node.shape(of: sizes) != [0] else {
            // An empty vector stands for none.
            guard let scales = try node.optional(node.version == 10 ? 1 : 2), try node.shape(of: scales) != [0] else {
                throw Diagnostic("onnx.input", "either scales or sizes must be given")
            }
            request = .scales(try Self.entries(scales, count: axes.count, "scales"))
            return
        }
        if let count = try node.shape(of: sizes).first?.constant, count != axes.count {
            throw Diagnostic("onnx.input", "\(count) sizes for \(axes.count) axes")
        }
        let wanted = try node.dims(of: try sizes.reshaped(to: [IntExpr(axes.count)]))
        let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
        switch policy {
        case "stretch": request = .sizes(wanted)
        case "not_larger": request = try Self.common(.min, wanted, shape, axes, node)
        case "not_smaller": request = try Self.common(.max, wanted, shape, axes, node)
        default: throw Diagnostic("onnx.attribute", "keep_aspect_ratio_policy '\(policy)' is unknown")
        }
    }

    /// Reads the parts of the axes: starts of all, then ends.
    mutating func readRegions(_ tensor: Tensor) throws {
        let entries = try Self.entries(tensor, count: axes.count * 2, "roi")
        regions = axes.indices.map { (entries[$0], entries[axes.count + $0]) }
    }

    /// The elements of a vector, 0-d and as `f32`.
    private static func entries(_ tensor: Tensor, count: Int, _ what: String) throws -> [Tensor] {
        if let extent = try tensor.shape.first?.constant, extent != count {
            throw Diagnostic("onnx.input", "\(what) must have \(count) entries, not \(extent)")
        }
        let numbers = try tensor.cast(to: .float32)
        if let known = try numbers.concrete?.doubles() { return try known.map { try Tensor($0, as: .float32) } }
        return try (0..<count).map { try numbers.sliced(start: [IntExpr($0)], size: [1]).reshaped(to: []) }
    }

    /// The smallest or largest of the scales, for all axes; sizes are rounded, halves up.
    private static func common(
        _ function: ScalarOp, _ sizes: [IntExpr], _ shape: [IntExpr], _ axes: [Int], _ node: ImportedNode
    ) throws -> Request {
        let scales = try zip(sizes, axes).map { size, axis in
            try (Tensor.size(size, as: .float32) / Tensor.size(shape[axis], as: .float32)).checked()
        }
        guard let first = scales.first else { return .sizes([]) }
        let scale = try scales.dropFirst().reduce(first) { try $0.mapped(function, $1) }
        let extents = try axes.map { axis in
            let size = try (scale * Tensor.size(shape[axis], as: .float32) + 0.5).mapped(.floor).cast(to: .int64)
            return try node.recorder.bind(size, "\(node.name)_size\(axis)")
        }
        return .common(scale, extents)
    }

    /// The axes to resample; those that stay as they are are left out.
    func resampledAxes(_ node: ImportedNode) throws -> [Resampling.Axis] {
        try axes.indices.compactMap { position in
            let extent = shape[axes[position]]
            let region = regions.isEmpty ? nil : regions[position]
            let result = try resampledAxis(position, extent, region, node)
            let isOne = try result.scale.concrete?.doubles() == [1]
            return region == nil && isOne && result.size == extent ? nil : result
        }
    }

    private func resampledAxis(
        _ position: Int, _ extent: IntExpr, _ region: (start: Tensor, end: Tensor)?, _ node: ImportedNode
    ) throws -> Resampling.Axis {
        let axis = axes[position]
        let count = try Tensor.size(extent, as: .float32)
        switch request {
        case .sizes(let sizes):
            let size = node.recorder.simplify(sizes[position])
            let length = try Tensor.size(size, as: .float32)
            let scale = size == extent ? try Tensor(1, as: .float32) : try (length / count).checked()
            return .init(axis: axis, size: size, scale: scale, length: length, region: region)
        case .common(let scale, let sizes):
            let length = try (scale * count).checked()
            return .init(axis: axis, size: sizes[position], scale: scale, length: length, region: region)
        case .scales(let scales):
            let scale = scales[position]
            let length = try (scale * count).checked()
            if region == nil, let size = Self.exactSize(extent, scale) {
                return .init(axis: axis, size: size, scale: scale, length: length)
            }
            // float32, as ONNX Runtime computes it.
            let span = try region.map { try (scale * ($0.end - $0.start) * count).checked() } ?? length
            let size = try node.recorder.bind(span.mapped(.floor).cast(to: .int64), "\(node.name)_size\(axis)")
            return .init(axis: axis, size: size, scale: scale, length: length, region: region)
        }
    }

    /// ⌊extent · scale⌋ of a symbolic extent, if the scale is known and a fraction of a small power of two.
    private static func exactSize(_ extent: IntExpr, _ scale: Tensor) -> IntExpr? {
        let denominator = 1024
        guard extent.constant == nil, let value = try? scale.concrete?.doubles().first else { return nil }
        let numerator = value * Double(denominator)
        guard numerator == numerator.rounded(), numerator > 0, numerator < 0x1p24 else { return nil }
        return Sizes.simplified((extent * IntExpr(Int(numerator))).floorDivided(by: IntExpr(denominator)))
    }
}
