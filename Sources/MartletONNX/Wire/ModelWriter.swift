import MartletCore

extension ModelProto {
    /// The bytes of a model file. Equal models give equal bytes.
    public func encoded() -> [UInt8] {
        var writer = ProtoWriter()
        write(to: &writer)
        return writer.finished()
    }
}

extension ONNXModel {
    /// Models of more bytes get a file for their weights: protobuf's own readers stop at 2 GiB.
    public static let largestInlineModel = 1_500_000_000
    /// Tensors of fewer bytes stay in the model where only its size asks for a file of weights.
    public static let smallestExternalTensor = 1024
    /// Offsets of tensors in a file of weights are multiples of this many bytes.
    private static let externalAlignment = 64

    /// The bytes of a model file that holds all tensors itself.
    ///
    /// - Throws: `Diagnostic` if a tensor lies in another file and cannot be read.
    public func encoded() throws -> [UInt8] {
        var model = proto
        try model.forEachTensor { tensor, _ in try bringIn(&tensor) }
        return model.encoded()
    }

    /// Writes the model. Equal models give equal files; a failure leaves no half-written file.
    ///
    /// - Parameters:
    ///   - path: the file to write or replace.
    ///   - threshold: initializers of at least so many bytes go to a file of weights beside the model, which has the
    ///     model's name with `.data` behind it. Without it they do if the model would be larger than
    ///     `largestInlineModel` otherwise.
    /// - Throws: `Diagnostic` if a file cannot be written, or a tensor in another file not be read.
    public func write(to path: String, externalDataAbove threshold: Int? = nil) throws {
        var model = proto
        try model.forEachTensor { tensor, _ in try bringIn(&tensor) }
        var writer = ProtoWriter()
        if threshold == nil { model.write(to: &writer) }
        if threshold == nil && writer.count <= Self.largestInlineModel {
            try AtomicFile.write(to: path) { file in try writer.forEachPiece(file.write) }
            return
        }
        let name = String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
        let weights = try moveOut(&model, atLeast: threshold ?? Self.smallestExternalTensor, to: name + ".data")
        writer = ProtoWriter()
        model.write(to: &writer)
        try AtomicFile.write(to: path) { file in
            try writer.forEachPiece(file.write)
            // The weights take their name first, so that a new model never stands without them.
            if !weights.isEmpty { try Self.write(weights, to: path + ".data") }
        }
    }

    /// Replaces values in another file by a reference to the mapping, to be written like any others.
    private func bringIn(_ tensor: inout TensorProto) throws {
        guard case .external = tensor.payload else { return }
        let size = try HostTensor.size(of: try tensor.elementType, tensor.shape)
        tensor.payload = .raw(try tensor.externalSlice(externalData, byteCount: size.byteCount))
        tensor.externalData = []
    }

    /// Replaces large initializers by references to a file of weights.
    ///
    /// - Returns: what that file is to hold, in order, each at the next multiple of `externalAlignment`.
    private func moveOut(_ model: inout ModelProto, atLeast threshold: Int, to file: String) throws -> [WireSlice] {
        var weights: [WireSlice] = []
        var end = 0
        try model.forEachTensor { tensor, role in
            guard role == .initializer, let slice = try rawValues(tensor), slice.count >= max(threshold, 1) else {
                return
            }
            let offset = (end + Self.externalAlignment - 1) / Self.externalAlignment * Self.externalAlignment
            end = offset + slice.count
            weights.append(slice)
            tensor.payload = .external
            tensor.externalData = [
                StringStringEntryProto(key: "location", value: file),
                StringStringEntryProto(key: "offset", value: String(offset)),
                StringStringEntryProto(key: "length", value: String(slice.count)),
            ]
        }
        return weights
    }

    /// The values as they lie in memory; nil for strings and tensors without values.
    private func rawValues(_ tensor: TensorProto) throws -> WireSlice? {
        switch tensor.payload {
        case .raw(let slice): return slice
        case .field(let field, _):
            if field == 6 { return nil }
            guard case .raw(let slice) = TensorProto(try tensor.hostTensor()).payload else { return nil }
            return slice
        case .none, .strings, .external: return nil
        }
    }

    private static func write(_ weights: [WireSlice], to path: String) throws {
        try AtomicFile.write(to: path) { file in
            for slice in weights {
                try file.pad(to: externalAlignment)
                try slice.withBytes { try file.write($0) }
            }
        }
    }
}
