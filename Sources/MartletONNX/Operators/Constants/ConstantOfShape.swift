import MartletCore
import MartletIR

enum ConstantOfShape: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let value = try node.tensor("value") ?? HostTensor(scalar: Float(0))
        let shape = try node.dims(of: try node.input(0))
        return [try Tensor(try value.reshaped([])).broadcast(to: shape, axes: [])]
    }
}
