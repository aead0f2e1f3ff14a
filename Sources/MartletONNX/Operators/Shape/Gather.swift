import MartletIR
import MartletLibrary

/// Negative indices count from the end from version 11 on; before they were errors, and still are out of range.
enum Gather: ONNXOperator {
    static let versions = [1, 11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: 0), rank: try x.rank)
        return [try x.taken(try node.input(1), axis: axis)]
    }
}
