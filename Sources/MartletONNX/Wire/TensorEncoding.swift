public import MartletCore

extension TensorProto {
    /// A tensor to be written. The values are not copied.
    public init(_ tensor: HostTensor, name: String = "") {
        self.init()
        self.name = name
        dimensions = tensor.shape.map(Int64.init)
        dataType = tensor.type.onnxCode
        if tensor.type == .string {
            payload = .strings(tensor.strings)
        } else if tensor.byteCount > 0 {
            let source = WireSource(storage: tensor.storage, path: "<tensor \(name)>")
            payload = .raw(WireSlice(unchecked: source, offset: tensor.byteOffset, count: tensor.byteCount))
        }
    }
}

extension SparseTensorProto {
    /// A sparse tensor to be written.
    public init(_ tensor: SparseHostTensor, name: String = "") {
        self.init()
        values = TensorProto(tensor.values, name: name)
        indices = TensorProto(tensor.indices)
        dimensions = tensor.shape.map(Int64.init)
    }

    /// The sparse tensor with its values.
    ///
    /// - Throws: `Diagnostic` if a part is missing or malformed, or the shape's size is too large.
    public func sparseHostTensor(externalData: ExternalData? = nil) throws -> SparseHostTensor {
        guard let values, let indices else {
            throw Diagnostic("onnx.sparse-tensor", "a sparse tensor has no values or no indices")
        }
        let shape = dimensions.map(Int.init)
        _ = try HostTensor.size(of: try values.elementType, shape)
        return SparseHostTensor(
            values: try values.hostTensor(externalData: externalData),
            indices: try indices.hostTensor(externalData: externalData), shape: shape)
    }
}

/// A tensor of which only some elements are stored; the others are zero.
public struct SparseHostTensor: Sendable {
    /// The stored elements, one axis.
    public var values: HostTensor
    /// Where they are: `int64`, linear (one axis) or a row of coordinates each (two axes).
    public var indices: HostTensor
    /// Extents of the dense tensor.
    public var shape: [Int]

    /// A sparse tensor of its parts, which are not checked against each other.
    public init(values: HostTensor, indices: HostTensor, shape: [Int]) {
        self.values = values
        self.indices = indices
        self.shape = shape
    }
}
