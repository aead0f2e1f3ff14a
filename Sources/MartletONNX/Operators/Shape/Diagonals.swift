import MartletCore
import MartletIR
import MartletLibrary

/// The diagonal is an operand, which need not be known.
enum Trilu: ONNXOperator {
    static let versions = [14]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let offset = try node.optional(1) ?? .number(0)
        return [try node.input(0).triangle(upper: node.flag("upper", default: true), offset: offset)]
    }
}

enum EyeLike: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        guard try x.rank == 2 else { throw Diagnostic("onnx.rank", "the operand must be a matrix") }
        let type = try node.elementType("dtype") ?? x.element
        return [try Tensor.eye(node.shape(of: x), offset: node.int("k", default: 0), type: type)]
    }
}

/// Negative indices count from the end from version 11 on; before they hit nothing.
enum OneHot: ONNXOperator {
    static let versions = [9, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let indices = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: -1), rank: try indices.rank + 1)
        let values = try node.input(2)
        func value(_ number: Int) throws -> Tensor {
            try values.sliced(start: [IntExpr(number)], size: [1]).reshaped(to: [])
        }
        return [
            try indices.oneHot(
                depth: node.size(1), axis: axis, on: value(1), off: value(0), wraps: node.version >= 11)
        ]
    }
}

enum ReverseSequence: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        let time = try node.axis(try node.int("time_axis", default: 0), rank: rank)
        let batch = try node.axis(try node.int("batch_axis", default: 1), rank: rank)
        return [try x.reversedSequences(node.input(1), time: time, batch: batch)]
    }
}
