import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The axis of the scales; it counts for nothing where there is one scale.
    fileprivate func quantizedAxis(_ scale: Tensor) throws -> Int {
        let rank = try input(0).rank
        if try scale.rank == 0 || rank == 0 { return 0 }
        let axis = try int("axis", default: 1)
        // A tensor of one axis has no other.
        return rank == 1 && axis == 1 ? 0 : try self.axis(axis, rank: rank)
    }

    fileprivate func blockSize() throws -> Int {
        let size = try int("block_size", default: 0)
        guard (0..<1 << 30).contains(size) else {
            throw Diagnostic("onnx.attribute", "'block_size' must not be \(size)")
        }
        return size
    }

    /// An element type, 0 standing for none.
    fileprivate func optionalElementType(_ name: String) throws -> ElementType? {
        try int(name) ?? 0 == 0 ? nil : try elementType(name)
    }
}

enum QuantizeLinear: ONNXOperator {
    /// Scales of an axis came with version 13, of blocks with 21.
    static let versions = [10, 13, 21]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (scale, zeroPoint) = (try node.input(1), try node.optional(2))
        let wanted = try node.optionalElementType("output_dtype")
        let type = try zeroPoint?.element ?? wanted ?? .uint8
        guard wanted == nil || wanted == type else {
            throw Diagnostic("onnx.element-type", "the zero point is \(type.name), but 'output_dtype' another type")
        }
        let result = try node.input(0).quantized(
            scale: scale, zeroPoint: zeroPoint, to: type, axis: try node.quantizedAxis(scale),
            blockSize: try node.blockSize(), precision: try node.optionalElementType("precision"),
            saturates: try node.flag("saturate", default: true) || !type.mayOverflow)
        return [result]
    }
}

enum DequantizeLinear: ONNXOperator {
    /// Scales of an axis came with version 13, of blocks with 21.
    static let versions = [10, 13, 21]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let scale = try node.input(1)
        let result = try node.input(0).dequantized(
            scale: scale, zeroPoint: try node.optional(2), to: try node.optionalElementType("output_dtype"),
            axis: try node.quantizedAxis(scale), blockSize: try node.blockSize())
        return [result]
    }
}

enum DynamicQuantizeLinear: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let result = try node.input(0).dynamicallyQuantized()
        return [result.values, result.scale, result.zeroPoint]
    }
}

extension ElementType {
    /// Whether the type is one of float8 that has infinity or NaN for what is too large.
    fileprivate var mayOverflow: Bool {
        [.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz].contains(self)
    }
}
