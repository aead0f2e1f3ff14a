/// NumPy's format of several named arrays, `.npz`: a ZIP archive of `.npy` files.
public enum Npz {
    /// An array in an archive: its name without `.npy`, and its elements.
    public typealias Entry = (name: String, tensor: HostTensor)

    /// Reads all arrays of the file at `path`, in the order of the archive's directory. Elements are not copied where
    /// ``Npy/read(path:)`` would not copy them; checksums are checked.
    ///
    /// - Throws: `zip.format`, `zip.compressed` (as `numpy.savez_compressed` writes), `file.open`, `file.truncated`,
    ///   `file.damaged`, and what ``Npy/read(path:)`` throws.
    public static func read(path: String) throws -> [Entry] {
        try decode(TensorStorage(try MappedFile(path: path)), path: path)
    }

    /// Reads all arrays of an archive in memory; shares the storage where it can.
    ///
    /// - Parameter path: name of the file for diagnostics.
    /// - Throws: as ``read(path:)``.
    public static func decode(_ storage: TensorStorage, path: String) throws -> [Entry] {
        try storage.withUnsafeBytes { bytes in
            let reader = ByteReader(bytes, path: path)
            return try ZipArchive(reader).entries.map { entry in
                let range = try ZipArchive.contents(of: entry, reader)
                guard CRC32.of(UnsafeRawBufferPointer(rebasing: bytes[range])) == entry.checksum else {
                    throw reader.failure("file.damaged", "the checksum of '\(entry.name)' is wrong", range.lowerBound)
                }
                let tensor = try Npy.decode(storage, at: range.lowerBound, count: range.count, path: path)
                return (entry.name.hasSuffix(".npy") ? String(entry.name.dropLast(4)) : entry.name, tensor)
            }
        }
    }

    /// Writes `arrays` to the file at `path` without compression, in one piece or not at all.
    ///
    /// - Throws: `file.write`, `npy.element-type` for types that NumPy does not have.
    public static func write(_ arrays: [Entry], to path: String) throws {
        try AtomicFile.write(to: path) { output in
            let archive = ZipWriter(output)
            for (name, tensor) in arrays {
                let (descriptor, data) = try Npy.parts(tensor)
                let header = Npy.header(descriptor, tensor.shape)
                try header.withUnsafeBytes { header in
                    try data.withUnsafeBytes { try archive.add(name + ".npy", [header, $0]) }
                }
            }
            try archive.finish()
        }
    }
}
