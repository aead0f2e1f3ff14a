public import MartletCore

/// A model file with what lies beside it.
public struct ONNXModel: Sendable {
    /// The model.
    public var proto: ModelProto
    /// The graph, which every loaded model has.
    public var graph: GraphProto { proto.graph ?? GraphProto() }
    /// The file it comes from; nil for bytes.
    public let path: String?
    /// The files beside it that hold tensors; nil where no folder is known.
    public let externalData: ExternalData?

    /// A model made in memory.
    ///
    /// - Parameter folder: where files with tensors of the model lie.
    public init(_ proto: ModelProto, folder: String? = nil) {
        self.proto = proto
        path = nil
        externalData = folder.map(ExternalData.init)
    }

    private init(_ source: WireSource, path: String?, folder: String?) throws {
        proto = try ModelProto(slice: source.all)
        self.path = path
        externalData = folder.map(ExternalData.init)
        guard proto.graph != nil else {
            throw source.failure("onnx.no-graph", "not an ONNX model: it has no graph", at: 0)
        }
    }

    /// Loads a model. The file is mapped; tensors stay in it until they are asked for.
    ///
    /// - Throws: `Diagnostic` if the file cannot be opened or is no ONNX model.
    public static func load(path: String) throws -> ONNXModel {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "."
        return try ONNXModel(try WireSource(mapping: path), path: path, folder: String(folder))
    }

    /// Loads a model from memory.
    ///
    /// - Parameter folder: where files with tensors of the model lie; without it such tensors cannot be read.
    /// - Throws: `Diagnostic` if the bytes are no ONNX model.
    public static func load(bytes: [UInt8], folder: String? = nil) throws -> ONNXModel {
        try ONNXModel(try WireSource(copying: bytes), path: nil, folder: folder)
    }

    /// The values of a tensor of this model.
    ///
    /// - Throws: `Diagnostic`; see `TensorProto.hostTensor`.
    public func hostTensor(_ tensor: TensorProto) throws -> HostTensor {
        try tensor.hostTensor(externalData: externalData)
    }
}
