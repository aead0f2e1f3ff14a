internal import Glibc

/// A file mapped into memory for reading, until the last reference goes.
///
/// The bytes are those of the file: who truncates it while it is mapped breaks the reader, as with every mapping.
public final class MappedFile: @unchecked Sendable {
    // Unchecked only for the pointer: the mapping is read-only.

    /// Path by which the file was opened.
    public let path: String
    /// The mapping; nil for an empty file.
    private let start: UnsafeRawPointer?
    /// Size in bytes.
    public let count: Int

    /// Maps the regular file at `path`.
    ///
    /// - Throws: `file.open` with the reason of the system.
    public init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure("examine", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Diagnostic("file.open", "not a regular file", at: .file(path: path, offset: nil))
        }
        self.path = path
        let size = Int(status.st_size)
        // An empty mapping is an error for mmap, and for us none.
        guard size > 0 else {
            (start, count) = (nil, 0)
            return
        }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw Self.failure("map", path) }
        (start, count) = (UnsafeRawPointer(address), size)
    }

    deinit {
        if let start { munmap(UnsafeMutableRawPointer(mutating: start), count) }
    }

    /// Calls `body` with all bytes, which are valid during the call.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(start: start, count: count)) }
    }

    /// All bytes.
    public var bytes: Slice { Slice(file: self, range: 0..<count) }

    /// The `count` bytes from `offset` on.
    ///
    /// - Throws: `file.truncated` if they do not all lie in the file.
    public func slice(at offset: Int, count: Int) throws -> Slice {
        guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
            throw Diagnostic(
                "file.truncated", "\(count) bytes are wanted and the file has \(self.count) in all",
                at: .file(path: path, offset: offset))
        }
        return Slice(file: self, range: offset..<offset + count)
    }

    private static func failure(_ action: String, _ path: String) -> Diagnostic {
        let reason = String(cString: strerror(errno))
        return Diagnostic("file.open", "cannot \(action): \(reason)", at: .file(path: path, offset: nil))
    }
}

extension MappedFile {
    /// Some of a file's bytes; keeps the file mapped.
    public struct Slice: Sendable {
        /// The file.
        public let file: MappedFile
        /// Which of its bytes.
        public let range: Range<Int>

        /// Calls `body` with the bytes, which are valid during the call.
        public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
            try file.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }
}

extension MappedFile.Slice: RandomAccessCollection {
    /// Offset in the file of the first byte.
    public var startIndex: Int { range.lowerBound }

    /// Offset in the file behind the last byte.
    public var endIndex: Int { range.upperBound }

    /// The byte at an offset in the file, which must be in the slice.
    public subscript(offset: Int) -> UInt8 {
        precondition(range.contains(offset), "the offset lies outside the slice")
        return file.withUnsafeBytes { $0[offset] }
    }

    /// Calls `body` with the bytes, which are valid during the call.
    public func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
        try withUnsafeBytes { try $0.withMemoryRebound(to: UInt8.self, body) }
    }
}
