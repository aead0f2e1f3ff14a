import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// A running combination along an axis that is an operand, which need not be known.
    func cumulative(_ combiner: Combiner) throws -> [Tensor?] {
        let x = try input(0)
        let rank = try x.rank
        let isExclusive = try flag("exclusive"), isReversed = try flag("reverse")
        func along(_ axis: Int) throws -> Tensor {
            try x.cumulated(combiner, axis: axis, isExclusive: isExclusive, isReversed: isReversed)
        }
        switch try axesChoice(1, since: 1, rank: { _ in rank }) {
        case .known(let axes) where axes.count == 1: return [try along(axes[0])]
        case .dynamic(let axes) where axes.count == 1: return [try axes.choose(along)]
        default: throw Diagnostic("onnx.axis", "input 1 must be one axis")
        }
    }
}

enum CumSum: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.cumulative(.sum) }
}

enum CumProd: ONNXOperator {
    static let versions = [26]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.cumulative(.prod) }
}
