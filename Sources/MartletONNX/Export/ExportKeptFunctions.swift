import MartletCore
import MartletIR
public import MartletLibrary

extension MartletLibrary.Softmax: ONNXExportable {
    public func isExportable(opset: Int) -> Bool { axes.count == 1 }

    public func export(into node: inout ExportedNode) throws {
        node.results = [node.add("Softmax", [try node.operand(0)], [.int("axis", axes[0])])]
    }
}

extension MartletLibrary.LayerNormalization: ONNXExportable {
    /// ONNX computes mean and variance in `float` or a type of its like.
    public func isExportable(opset: Int) -> Bool { opset >= 17 && hasScale && stash == .float32 }

    public func export(into node: inout ExportedNode) throws {
        let attributes = [
            AttributeProto.int("axis", axis), AttributeProto("epsilon", .float(Float(epsilon))),
        ]
        // Results that nobody uses cost time.
        let count = node.isUsed[2] ? 3 : node.isUsed[1] ? 2 : 1
        let names = node.add("LayerNormalization", try node.operandNames(), attributes, resultCount: count)
        node.results = names + Array(repeating: "", count: 3 - count)
    }
}

extension MartletLibrary.RMSNormalization: ONNXExportable {
    public func isExportable(opset: Int) -> Bool { opset >= 23 }

    public func export(into node: inout ExportedNode) throws {
        let attributes = [
            AttributeProto.int("axis", axis), AttributeProto("epsilon", .float(Float(epsilon))),
            .int("stash_type", stash.onnxCode),
        ]
        node.results = [node.add("RMSNormalization", try node.operandNames(), attributes)]
    }
}

extension MartletLibrary.Gelu: ONNXExportable {
    public func isExportable(opset: Int) -> Bool { opset >= 20 }

    public func export(into node: inout ExportedNode) throws {
        let attributes = [AttributeProto("approximate", string: isApproximate ? "tanh" : "none")]
        node.results = [node.add("Gelu", [try node.operand(0)], attributes)]
    }
}
