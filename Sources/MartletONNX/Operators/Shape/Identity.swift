import MartletIR

enum Identity: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        if case .tensor(let tensor)? = node.values.first ?? nil { return [tensor] }
        node.otherResults[0] = node.values.first ?? nil
        return [nil]
    }
}
