import MartletIR
import MartletLibrary

enum Expand: ONNXOperator {
    static let versions = [8]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let wanted = try node.dims(of: try node.input(1))
        let shape = Sizes.broadcast(try node.shape(of: x), wanted)
        try Sizes.requireBroadcast(wanted, to: shape)
        return [try x.expanded(to: shape)]
    }
}
