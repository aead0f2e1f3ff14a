public import MartletCore

/// The bytes that protobuf messages are read from: a mapped file or bytes in memory.
///
/// Messages refer to it by offset, so that weights stay where they are and errors can name the byte.
public final class WireSource: @unchecked Sendable {
    // Unchecked only for the pointer, which is that of `storage` and read only.

    /// The bytes, kept alive by this object.
    public let storage: TensorStorage
    /// The file's path, or a name for bytes that come from memory; used in errors only.
    public let path: String
    /// The bytes of `storage`; valid as long as this object lives.
    let bytes: UnsafeRawBufferPointer

    /// Wraps bytes that already have an owner.
    public init(storage: TensorStorage, path: String) {
        self.storage = storage
        self.path = path
        bytes = storage.withUnsafeBytes { $0 }
    }

    /// Maps a file.
    ///
    /// - Throws: `Diagnostic` (`file.open`) if the file cannot be opened or mapped.
    public convenience init(mapping path: String) throws {
        self.init(storage: TensorStorage(try MappedFile(path: path)), path: path)
    }

    /// Copies bytes into storage of its own.
    ///
    /// - Throws: `Diagnostic` (`core.out-of-memory`).
    public convenience init(copying bytes: [UInt8], path: String = "<bytes>") throws {
        let storage = try TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
        self.init(storage: storage, path: path)
    }

    /// All bytes as a slice.
    public var all: WireSlice { WireSlice(unchecked: self, offset: 0, count: bytes.count) }

    /// An error at a byte of this source.
    func failure(_ code: String, _ message: String, at offset: Int, help: String? = nil) -> Diagnostic {
        Diagnostic(code, message, at: .file(path: path, offset: offset), help: help)
    }
}

/// A range of a `WireSource`, always inside it.
public struct WireSlice: Sendable {
    /// What the bytes are part of.
    public let source: WireSource
    /// Offset of the first byte in the source.
    public let offset: Int
    /// Number of bytes.
    public let count: Int

    /// The caller guarantees that the range lies inside the source.
    init(unchecked source: WireSource, offset: Int, count: Int) {
        self.source = source
        self.offset = offset
        self.count = count
    }

    /// The caller guarantees that the range lies inside the source.
    init(unchecked source: WireSource, _ range: Range<Int>) {
        self.init(unchecked: source, offset: range.lowerBound, count: range.count)
    }

    /// Calls `body` with the bytes.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(source) {} }
        return try body(UnsafeRawBufferPointer(rebasing: source.bytes[offset..<offset + count]))
    }

    /// The bytes, copied.
    public var array: [UInt8] { withBytes { Array($0) } }

    /// The text that the bytes spell.
    ///
    /// - Throws: `Diagnostic` (`wire.text`) if they are not UTF-8.
    public func text() throws -> String {
        let text = withBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw source.failure("wire.text", "text is not valid UTF-8", at: offset) }
        return text
    }
}
