import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The positions of the largest or smallest elements along an axis. Version 12 adds `select_last_index`.
    func extremePositions(maximum: Bool) throws -> [Tensor?] {
        let x = try input(0)
        let axis = try axis(try int("axis", default: 0), rank: try x.rank)
        let isLast = try flag("select_last_index"), keepsAxes = try flag("keepdims", default: true)
        return [try x.argReduced(maximum: maximum, axes: [axis], lastTie: isLast, keepingAxes: keepsAxes)]
    }
}

enum ArgMax: ONNXOperator {
    static let versions = [1, 12]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.extremePositions(maximum: true) }
}

enum ArgMin: ONNXOperator {
    static let versions = [1, 12]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.extremePositions(maximum: false) }
}
