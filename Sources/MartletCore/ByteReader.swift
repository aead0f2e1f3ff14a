/// Bounds-checked little-endian reading of bytes that stay valid as long as the reader is used.
package struct ByteReader {
    /// What is read.
    package let bytes: UnsafeRawBufferPointer
    /// Name of the file for diagnostics.
    package let path: String
    /// Where `bytes` begin in the file, for diagnostics.
    package let base: Int

    package init(_ bytes: UnsafeRawBufferPointer, path: String, base: Int = 0) {
        (self.bytes, self.path, self.base) = (bytes, path, base)
    }

    /// The `count` bytes from `offset` on.
    ///
    /// - Throws: `file.truncated` if they do not all exist.
    package func slice(at offset: Int, count: Int) throws -> UnsafeRawBufferPointer {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw failure("file.truncated", "\(count) bytes are wanted, \(max(bytes.count - offset, 0)) remain", offset)
        }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// The little-endian integer at `offset`.
    ///
    /// - Throws: `file.truncated`.
    package func integer<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) throws -> T {
        T(littleEndian: try slice(at: offset, count: MemoryLayout<T>.size).loadUnaligned(as: T.self))
    }

    /// An unsigned 64-bit integer at `offset` that must fit an `Int`.
    ///
    /// - Throws: `file.truncated`, `file.damaged`.
    package func size(at offset: Int) throws -> Int {
        let value = try integer(at: offset, as: UInt64.self)
        guard let size = Int(exactly: value) else { throw failure("file.damaged", "\(value) is no size", offset) }
        return size
    }

    /// A diagnostic at `offset`.
    package func failure(_ code: String, _ message: String, _ offset: Int, help: String? = nil) -> Diagnostic {
        Diagnostic(
            code, message, at: .file(path: path, offset: base.addingReportingOverflow(offset).partialValue),
            help: help)
    }
}
