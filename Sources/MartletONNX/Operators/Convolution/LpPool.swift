import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The exponent `p`, a number in version 1 and an integer from then on.
    fileprivate func exponent() throws -> Double {
        version == 1 ? try float("p", default: 2) : Double(try int("p", default: 2))
    }
}

enum LpPool: ONNXOperator {
    static let versions = [1, 2]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).lpPooled(node.poolingWindows(), p: node.exponent())]
    }
}

enum GlobalLpPool: ONNXOperator {
    static let versions = [1, 2]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let axes = Array(2..<2 + (try node.spatialCount()))
        return [try node.input(0).lpReduced(node.exponent(), axes: axes, keepingAxes: true)]
    }
}
