import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    fileprivate func blocks() throws -> (size: Int, order: BlockOrder) {
        let mode = try string("mode", default: "DCR")
        guard let order = BlockOrder(rawValue: mode) else {
            throw Diagnostic("onnx.attribute", "mode '\(mode)' is unknown")
        }
        return (try required("blocksize", try int("blocksize")), order)
    }
}

/// Version 11 adds the attribute `mode`.
enum DepthToSpace: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let blocks = try node.blocks()
        return [try node.input(0).depthToSpace(blocks.size, order: blocks.order)]
    }
}

/// Version 28 adds the attribute `mode`.
enum SpaceToDepth: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let blocks = try node.blocks()
        return [try node.input(0).spaceToDepth(blocks.size, order: blocks.order)]
    }
}
