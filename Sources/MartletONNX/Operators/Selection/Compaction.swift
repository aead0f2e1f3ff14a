import MartletCore
import MartletIR
import MartletLibrary

enum NonZero: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).nonZero()] }
}

/// Without an axis the operand counts as a vector.
enum Compress: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let mask = try node.input(1)
        guard let axis = try node.int("axis") else {
            return [try x.reshaped(to: [x.type.count]).compressed(mask, axis: 0)]
        }
        return [try x.compressed(mask, axis: node.axis(axis, rank: try x.rank))]
    }
}

/// Without an axis the operand counts as a vector.
enum Unique: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let isSorted = try node.flag("sorted", default: true)
        guard let given = try node.int("axis") else {
            let result = try x.reshaped(to: [x.type.count]).uniqueSlices(sorted: isSorted)
            return [result.values, result.first, result.inverse, result.counts]
        }
        let rank = try x.rank
        let axis = try node.axis(given, rank: rank)
        let order = [axis] + (0..<rank).filter { $0 != axis }
        let result = try x.transposed(order).uniqueSlices(sorted: isSorted)
        let back = (0..<rank).map { $0 < axis ? $0 + 1 : ($0 == axis ? 0 : $0) }
        return [try result.values.transposed(back), result.first, result.inverse, result.counts]
    }
}
