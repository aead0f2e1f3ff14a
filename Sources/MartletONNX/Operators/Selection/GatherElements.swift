import MartletCore
import MartletIR
import MartletLibrary

enum GatherElements: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: 0), rank: try x.rank)
        return [try x.gatheredElements(node.input(1), axis: axis)]
    }
}

/// Version 12 adds the attribute `batch_dims`.
enum GatherND: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).gatheredSlices(node.input(1), batch: node.int("batch_dims", default: 0))]
    }
}

/// Takes elements along the last axis; indices of any shape count as one list.
enum ArrayFeatureExtractor: ONNXOperator {
    static let domain = "ai.onnx.ml"

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (x, indices) = (try node.input(0), try node.input(1))
        let list = try indices.reshaped(to: [indices.type.count])
        let table = try x.rank == 1 ? x.unsqueezed(axes: [0]) : x
        return [try table.taken(list, axis: try table.rank - 1)]
    }
}
