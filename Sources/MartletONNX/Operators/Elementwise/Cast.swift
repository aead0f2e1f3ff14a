import MartletCore
import MartletIR
import MartletLibrary

enum Cast: ONNXOperator {
    /// Version 1 names the type by a text, such as `FLOAT`; version 19 adds `saturate`.
    static let versions = [1, 6, 19]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let type: ElementType
        if node.version == 1 {
            let name = try node.required("to", try node.string("to"))
            guard let known = types[name.uppercased()] else {
                throw Diagnostic("onnx.element-type", "element type '\(name)' is unknown")
            }
            type = known
        } else {
            type = try node.required("to", try node.elementType("to"))
        }
        if try x.element != type, try x.element == .string || type == .string {
            throw Diagnostic("onnx.cast", "casts between \(try x.element.name) and \(type.name) are not supported")
        }
        return [try x.cast(to: type, node)]
    }

    private static let types: [String: ElementType] = [
        "FLOAT": .float32, "UINT8": .uint8, "INT8": .int8, "UINT16": .uint16, "INT16": .int16, "INT32": .int32,
        "INT64": .int64, "STRING": .string, "BOOL": .bool, "FLOAT16": .float16, "DOUBLE": .float64,
        "UINT32": .uint32, "UINT64": .uint64, "COMPLEX64": .complex64, "COMPLEX128": .complex128,
    ]
}

extension Tensor {
    /// The cast to narrow floating-point types, as the attributes of the node ask for.
    func cast(to type: ElementType, _ node: ImportedNode) throws -> Tensor {
        let saturates = try node.flag("saturate", default: true)
        if type == .float8e8m0 {
            let name = try node.string("round_mode", default: "up")
            guard let rounding = PowerRounding(rawValue: name) else {
                throw Diagnostic("onnx.attribute", "round_mode '\(name)' is unknown")
            }
            return try castToPowers(rounding, saturates: saturates)
        }
        let isFloat8 = type.isFloatingPoint && type.bitWidth == 8
        return try saturates || !isFloat8 ? cast(to: type) : castWithoutSaturation(to: type)
    }
}
