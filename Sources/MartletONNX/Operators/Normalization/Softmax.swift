import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The axes over which softmax runs: all from `axis` on before version 13, one from then on.
    func softmaxAxes() throws -> [Int] {
        let rank = try input(0).rank
        let axis = try axis(try int("axis", default: version < 13 ? 1 : -1), rank: rank)
        return version < 13 ? Array(axis..<rank) : [axis]
    }
}

enum Softmax: ONNXOperator {
    static let versions = [1, 13]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).softmax(axes: node.softmaxAxes())]
    }
}

enum LogSoftmax: ONNXOperator {
    static let versions = [1, 13]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).logSoftmax(axes: node.softmaxAxes())]
    }
}
