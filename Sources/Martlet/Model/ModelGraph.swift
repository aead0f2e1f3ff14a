public import MartletIR
import MartletONNX

extension Model {
    /// The graph of an ONNX model, as the compiler gets it; `Interpreter` evaluates it node by node.
    ///
    /// - Throws: `onnx.…` naming the file and the node that cannot be read.
    public static func graph(_ path: String) throws -> Graph { try ONNXImporter.import(path: path).graph }
}
