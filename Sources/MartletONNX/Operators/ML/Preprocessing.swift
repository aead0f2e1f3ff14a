import MartletCore
import MartletIR
import MartletLibrary

enum Binarizer: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let threshold = try Tensor(try node.float("threshold", default: 0), as: .float64)
        let isAbove =
            try x.element.isInteger
            ? x.cast(to: .float64).compared(.gt, threshold) : x.compared(.gt, threshold.cast(to: x.element))
        return [try isAbove.cast(to: x.element)]
    }
}

/// (x - offset) · scale, each one number or one a feature.
enum Scaler: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0).cast(to: .float32)
        func factors(_ name: String) throws -> Tensor? {
            guard let values = try node.floats(name), !values.isEmpty else { return nil }
            let shape = values.count == 1 ? [] : [values.count]
            return Tensor(try HostTensor.fromDoubles(values, as: .float32, shape: shape))
        }
        var result = x
        if let offset = try factors("offset") { result = result - offset }
        if let scale = try factors("scale") { result = result * scale }
        return [try result.checked()]
    }
}

/// Replaces one value, which may be NaN.
enum Imputer: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let type = try x.element
        let values: HostTensor
        let isReplaced: Tensor
        if type.isInteger {
            let list = try node.required("imputed_value_int64s", try node.ints("imputed_value_int64s"))
            let shape = list.count == 1 ? [] : [list.count]
            values = try HostTensor.fromInts(list.map { Int64($0) }, as: type, shape: shape)
            let old = Int64(try node.int("replaced_value_int64", default: 0))
            isReplaced = try x.compared(.eq, Tensor(HostTensor.fromInts([old], as: type, shape: [])))
        } else {
            let list = try node.required("imputed_value_floats", try node.floats("imputed_value_floats"))
            values = try HostTensor.fromDoubles(list, as: type, shape: list.count == 1 ? [] : [list.count])
            let old = try node.float("replaced_value_float", default: 0)
            isReplaced = try old.isNaN ? x.isNaN() : x.compared(.eq, Tensor(old, as: type))
        }
        let new = values.shape.isEmpty ? Tensor(values) : try Tensor(values).expanded(to: x.shape)
        return [try Tensor.select(isReplaced, new, x)]
    }
}

/// Rows divided by their maximum, their sum of magnitudes or their length; rows where that is 0 stay.
enum Normalizer: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0).cast(to: .float32)
        let axes = [try x.rank - 1]
        let norm: Tensor
        switch try node.string("norm", default: "MAX") {
        case "MAX": norm = try x.reduced(.max, axes: axes, keepingAxes: true)
        case "L1": norm = try x.mapped(.abs).reduced(.sum, axes: axes, keepingAxes: true)
        case "L2": norm = try (x * x).reduced(.sum, axes: axes, keepingAxes: true).mapped(.sqrt)
        case let name: throw Diagnostic("onnx.attribute", "norm '\(name)' is unknown")
        }
        let one = try Tensor.constant(1, like: x)
        let divisor = try Tensor.select(norm.compared(.eq, .constant(0, like: x)), one, norm)
        return [try (x / divisor).checked()]
    }
}

/// Joins features as float32; vectors are single rows.
enum FeatureVectorizer: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let sizes = try node.ints("inputdimensions")
        let parts = try node.inputs.enumerated().map { number, tensor -> Tensor in
            let rows = try tensor.rank == 1 ? tensor.unsqueezed(axes: [0]) : tensor
            if let sizes, sizes.indices.contains(number) {
                try node.recorder.require(
                    try rows.shape[1], equals: IntExpr(sizes[number]), "the features of input \(number)")
            }
            return try rows.cast(to: .float32)
        }
        return [try Tensor.concatenate(parts, axis: 1)]
    }
}

/// A last axis of ones and zeros for categories; without `zeros` an unknown category ends the run.
enum OneHotEncoder: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        guard let list = try node.ints("cats_int64s"), !list.isEmpty else {
            throw Diagnostic("onnx.strings", "categories that are texts are not supported")
        }
        let values = try x.cast(to: .int64)
        let shape = try x.shape + [IntExpr(list.count)]
        let categories = try Tensor(HostTensor(list.map { Int64($0) }, shape: [list.count]))
        let hits = try values.broadcast(to: shape, axes: Array(0..<x.rank)).compared(.eq, categories)
        let result = try hits.cast(to: .float32)
        if try node.flag("zeros", default: true) { return [result] }
        // An index of -1 ends the run.
        let isKnown = try hits.reduced(.or, axes: [x.rank])
        let index = try Tensor.select(isKnown, .number(0), .number(-1))
        let zero = try Tensor(HostTensor(zeros: .float32, shape: [1]))
        let checked = try zero.gathered([index], axes: [0], mode: .check).unsqueezed(axes: [x.rank])
        return [try (result + checked).checked()]
    }
}

/// Maps numbers to numbers; texts are not supported.
enum LabelEncoder: ONNXOperator {
    static let domain = "ai.onnx.ml"
    static let versions = [1, 2, 4]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        guard let keys = try list(node, "keys", floats: x.element),
            let values = try list(node, "values", floats: .float32)
        else {
            throw Diagnostic("onnx.strings", "labels that are texts are not supported")
        }
        let other: Tensor
        if let tensor = try node.tensor("default_tensor") {
            other = try Tensor(tensor).reshaped(to: [])
        } else if values.type.isInteger {
            let value = Int64(try node.int("default_int64", default: -1))
            other = Tensor(try HostTensor.fromInts([value], as: values.type, shape: []))
        } else {
            other = try Tensor(try node.float("default_float", default: -0.0), as: values.type)
        }
        return [try x.cast(to: keys.type).lookedUp(keys: keys, values: values, otherwise: other)]
    }

    private static func list(_ node: ImportedNode, _ name: String, floats type: ElementType) throws -> HostTensor? {
        if let tensor = try node.tensor("\(name)_tensor") { return tensor.type == .string ? nil : tensor }
        if let list = try node.ints("\(name)_int64s") {
            return try HostTensor(list.map { Int64($0) }, shape: [list.count])
        }
        guard let list = try node.floats("\(name)_floats") else { return nil }
        return try HostTensor.fromDoubles(list, as: type.isFloatingPoint ? type : .float32, shape: [list.count])
    }
}
