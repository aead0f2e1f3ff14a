import MartletCore
import MartletIR
import MartletLibrary

enum Shape: ONNXOperator {
    /// Version 15 adds the attributes `start` and `end`.
    static let versions = [1, 15]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let shape = try node.shape(of: node.input(0))
        func position(_ value: Int) -> Int { min(max(value < 0 ? value + shape.count : value, 0), shape.count) }
        let start = position(try node.int("start", default: 0))
        let end = position(try node.int("end", default: shape.count))
        if start >= end { return [Tensor(try HostTensor([Int64](), shape: [0]))] }
        return [try Tensor.dimensions(Array(shape[start..<end]))]
    }
}

enum Size: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try Tensor.size(node.shape(of: node.input(0)).reduce(IntExpr(1)) { $0 * $1 }, as: .int64)]
    }
}
