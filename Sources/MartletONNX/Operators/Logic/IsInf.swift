import MartletIR
import MartletLibrary

enum IsInf: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let positive = try node.flag("detect_positive", default: true)
        let negative = try node.flag("detect_negative", default: true)
        return [try node.input(0).isInfinite(positive: positive, negative: negative)]
    }
}
