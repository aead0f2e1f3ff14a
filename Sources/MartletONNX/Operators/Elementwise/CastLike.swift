import MartletCore
import MartletIR

enum CastLike: ONNXOperator {
    static let versions = [15, 19]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (x, type) = (try node.input(0), try node.input(1).element)
        if try x.element != type, try x.element == .string || type == .string {
            throw Diagnostic("onnx.cast", "casts between \(try x.element.name) and \(type.name) are not supported")
        }
        return [try x.cast(to: type, node)]
    }
}
