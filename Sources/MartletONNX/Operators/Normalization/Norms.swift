import MartletIR
import MartletLibrary

enum LpNormalization: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: -1), rank: try x.rank)
        return [try x.normalized(order: node.int("p", default: 2), axis: axis)]
    }
}

enum MeanVarianceNormalization: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axes = try node.axes(try node.ints("axes") ?? [0, 2, 3], rank: try x.rank)
        return [try x.standardized(axes: axes, addingToDeviation: 1e-9)]
    }
}

enum LRN: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [
            try node.input(0).locallyNormalized(
                size: node.required("size", try node.int("size")), alpha: node.float("alpha", default: 0.0001),
                beta: node.float("beta", default: 0.75), bias: node.float("bias", default: 1))
        ]
    }
}
