import MartletCore
import MartletIR
import MartletLibrary

enum Mod: ONNXOperator {
    static let versions = [10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (a, b) = (try node.input(0), try node.input(1))
        switch try node.int("fmod", default: 0) {
        case 0: return [try a.floorRemainder(by: b)]
        case 1: return [try Tensor.elementwise(.rem, [a, b])]
        case let other: throw Diagnostic("onnx.attribute", "fmod must be 0 or 1, not \(other)")
        }
    }
}
