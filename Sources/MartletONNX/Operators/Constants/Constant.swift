import MartletCore
import MartletIR

enum Constant: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        if let tensor = try node.tensor("value") { return [Tensor(tensor)] }
        if let value = try node.float("value_float") { return [Tensor(HostTensor(scalar: Float(value)))] }
        if let value = try node.int("value_int") { return [Tensor(HostTensor(scalar: Int64(value)))] }
        if let values = try node.floats("value_floats") {
            return [Tensor(try HostTensor(values.map { Float($0) }, shape: [values.count]))]
        }
        if let values = try node.ints("value_ints") {
            return [Tensor(try HostTensor(values.map { Int64($0) }, shape: [values.count]))]
        }
        if let value = try node.string("value_string") { return [Tensor(try HostTensor(strings: [value], shape: []))] }
        if let values = try node.strings("value_strings") {
            return [Tensor(try HostTensor(strings: values, shape: [values.count]))]
        }
        if let tensor = try node.sparseTensor("sparse_value") { return [Tensor(tensor)] }
        throw Diagnostic("onnx.attribute", "the node has no value")
    }
}
