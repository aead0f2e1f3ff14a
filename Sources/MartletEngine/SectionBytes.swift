public import MartletCore

/// The bytes of a section: memory of the engine's own, aligned to 64 bytes, or a part of the mapped engine file.
public struct SectionBytes: Sendable {
    private let storage: TensorStorage?
    private let offset: Int
    /// Size in bytes.
    public let count: Int
    /// Whether the bytes are pages of a mapped file and share no page with anything else.
    public let isMapped: Bool

    /// No bytes.
    public init() {
        (storage, offset, count, isMapped) = (nil, 0, 0, false)
    }

    /// A copy of `bytes`.
    ///
    /// - Throws: `core.out-of-memory`.
    public init(_ bytes: [UInt8]) throws {
        try self.init(count: bytes.count) { memory in
            bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
        }
    }

    /// `count` bytes, all of which `fill` must write.
    ///
    /// - Throws: `core.out-of-memory`, and what `fill` throws.
    public init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        self.storage = try TensorStorage(byteCount: count, fill: fill)
        self.offset = 0
        self.count = count
        isMapped = false
    }

    /// The bytes `offset..<offset + count` of `storage`.
    ///
    /// - Throws: `core.tensor-bounds` if they do not all lie in it.
    public init(_ storage: TensorStorage, offset: Int, count: Int) throws {
        try self.init(storage, offset: offset, count: count, isMapped: false)
    }

    init(_ storage: TensorStorage, offset: Int, count: Int, isMapped: Bool) throws {
        guard offset >= 0, count >= 0, offset <= storage.byteCount, count <= storage.byteCount - offset else {
            throw Diagnostic(
                "core.tensor-bounds", "\(count) bytes at offset \(offset) do not fit storage of \(storage.byteCount)")
        }
        self.storage = storage
        self.offset = offset
        self.count = count
        self.isMapped = isMapped
    }

    /// Calls `body` with the bytes, which stay at their address as long as this value or a copy of it lives.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        guard let storage else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return try storage.withUnsafeBytes { all in
            try body(UnsafeRawBufferPointer(rebasing: all[offset..<offset + count]))
        }
    }
}
