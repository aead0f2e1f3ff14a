import MartletIR
import MartletLibrary

enum Hardmax: ONNXOperator {
    static let versions = [1, 13]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let axes = try node.softmaxAxes()
        guard let first = axes.first else { return [nil] }
        return [try node.input(0).hardmax(axes: first..<first + axes.count)]
    }
}
