import MartletCore
import MartletIR

enum Transpose: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        let permutation = try node.ints("perm") ?? Array((0..<rank).reversed())
        return [try x.transposed(try node.axes(permutation, rank: rank))]
    }
}
