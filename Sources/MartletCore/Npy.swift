/// NumPy's format of one array, `.npy`: versions 1, 2 and 3 (NEP 1 and `numpy.lib.format`).
public enum Npy {
    /// Reads the file at `path`. Elements in C order and little-endian are not copied: the tensor keeps the file
    /// mapped.
    ///
    /// - Throws: `file.open`, `file.truncated`, `npy.format` for what is no such file, `npy.element-type` for arrays
    ///   that no tensor holds.
    public static func read(path: String) throws -> HostTensor {
        let file = try MappedFile(path: path)
        return try decode(TensorStorage(file), at: 0, count: file.count, path: path)
    }

    /// Reads `count` bytes of `storage` from `offset` on; shares them where it can.
    ///
    /// - Parameter path: name of the file for diagnostics.
    /// - Throws: as ``read(path:)``.
    public static func decode(
        _ storage: TensorStorage, at offset: Int, count: Int, path: String
    ) throws -> HostTensor {
        try storage.withUnsafeBytes { all in
            let bytes = try ByteReader(all, path: path).slice(at: offset, count: count)
            let reader = ByteReader(bytes, path: path, base: offset)
            let header = try NpyHeader(reader)
            let type = header.layout.type
            let elements = try HostTensor.size(of: .bool, header.shape).count
            let (byteCount, overflow) = elements.multipliedReportingOverflow(by: header.layout.itemSize)
            // Elements without bytes are bounded by nothing in the file: without this their count could be anything.
            guard !overflow, byteCount > 0 || elements <= count else {
                throw reader.failure("npy.format", "the array is too large", 0)
            }
            let data = try reader.slice(at: header.dataOffset, count: byteCount)
            if header.isPlain {
                return try HostTensor(
                    type: type, shape: header.shape, storage: storage, byteOffset: offset + header.dataOffset)
            }
            return try NpyElements(header, reader).tensor(data)
        }
    }

    /// Bytes of a file that holds `tensor`, in version 1, or 2 where the header is too long for that.
    ///
    /// - Throws: `npy.element-type` for types that NumPy does not have, `core.out-of-memory`.
    public static func encode(_ tensor: HostTensor) throws -> [UInt8] {
        let (descriptor, data) = try parts(tensor)
        var bytes = header(descriptor, tensor.shape)
        data.withUnsafeBytes { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Writes `tensor` to the file at `path`, in one piece or not at all.
    ///
    /// - Throws: as ``encode(_:)``, and `file.write`.
    public static func write(_ tensor: HostTensor, to path: String) throws {
        let (descriptor, data) = try parts(tensor)
        let header = header(descriptor, tensor.shape)
        try AtomicFile.write(to: path) { writer in
            try writer.write(header)
            try data.withUnsafeBytes { try writer.write($0) }
        }
    }

    /// Type descriptor and elements as they stand in the file.
    static func parts(_ tensor: HostTensor) throws -> (descriptor: String, data: HostTensor) {
        if tensor.type == .string { return try NpyElements.encoded(tensor.strings) }
        guard let descriptor = tensor.type.numpyDescriptor else {
            throw Diagnostic(
                "npy.element-type", "NumPy has no element type \(tensor.type)",
                help: "cast the tensor to f32, or to an integer type, first")
        }
        return (descriptor, tensor)
    }

    /// Everything before the elements; its length is a multiple of 64, so that they are aligned when mapped.
    static func header(_ descriptor: String, _ shape: [Int]) -> [UInt8] {
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(extents)), }"
        let isLong = text.utf8.count + 64 + 10 > UInt16.max
        let prefix = isLong ? 12 : 10
        let padding = 63 - (prefix + text.utf8.count) % 64
        let length = text.utf8.count + padding + 1
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [isLong ? 2 : 1, 0]
        for index in 0..<prefix - 8 { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * index))) }
        bytes += text.utf8
        bytes += repeatElement(UInt8(ascii: " "), count: padding)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }
}
