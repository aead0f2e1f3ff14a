import MartletCore
import MartletIR
import MartletLibrary

enum CenterCropPad: ONNXOperator {
    static let versions = [18]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        let sizes = try node.dims(of: node.input(1))
        let axes = try node.axes(try node.ints("axes") ?? Array(0..<rank), rank: rank)
        guard sizes.count == axes.count else {
            throw Diagnostic("onnx.center", "\(sizes.count) sizes are given for \(axes.count) axes")
        }
        return [try x.centered(Dictionary(uniqueKeysWithValues: zip(axes, sizes)))]
    }
}
