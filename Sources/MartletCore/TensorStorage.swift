internal import Glibc

/// Bytes of a tensor, which never change once shared: memory of its own, a part of a mapped file, or memory of another
/// owner. Tensors of strings keep their strings here instead.
public final class TensorStorage: @unchecked Sendable {
    // Unchecked only for the pointer: what it points to is written before the object is shared, and not thereafter.

    /// Alignment of memory that a storage allocates, in bytes.
    public static let alignment = 64

    private let start: UnsafeRawPointer?
    /// Size in bytes.
    public let byteCount: Int
    /// The strings of a tensor of strings; empty otherwise.
    public let strings: [String]
    private let owner: Owner

    private enum Owner {
        case allocation(UnsafeMutableRawPointer?)
        case element(UnsafeMutableRawPointer)
        case object(any AnyObject & Sendable)
        case none
    }

    /// Allocates `byteCount` bytes aligned to ``alignment`` and lets `fill` write all of them.
    ///
    /// - Throws: `core.out-of-memory`, and what `fill` throws.
    public init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        let memory = try Self.allocate(byteCount)
        do {
            try fill(UnsafeMutableRawBufferPointer(start: memory, count: byteCount))
        } catch {
            free(memory)
            throw error
        }
        self.start = UnsafeRawPointer(memory)
        self.byteCount = byteCount
        self.strings = []
        self.owner = .allocation(memory)
    }

    /// The bytes of a mapped file; shares the mapping.
    public init(_ file: MappedFile) {
        start = file.withUnsafeBytes(\.baseAddress)
        byteCount = file.count
        strings = []
        owner = .object(file)
    }

    /// Memory that stays valid and unchanged as long as `owner` lives.
    public init(borrowing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        start = bytes.baseAddress
        byteCount = bytes.count
        strings = []
        self.owner = .object(owner)
    }

    /// Memory for a single element, from Swift's own allocator: as little of it can fail as of any object.
    init<T: BitwiseCopyable>(element: T) {
        byteCount = MemoryLayout<T>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: Self.alignment)
        memory.storeBytes(of: element, as: T.self)
        start = UnsafeRawPointer(memory)
        strings = []
        owner = .element(memory)
    }

    init(strings: [String]) {
        start = nil
        byteCount = 0
        self.strings = strings
        owner = .none
    }

    deinit {
        switch owner {
        case .allocation(let memory): free(memory)
        case .element(let memory): memory.deallocate()
        case .object, .none: break
        }
    }

    /// Calls `body` with all bytes, which are valid during the call.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(self) {
            try body(UnsafeRawBufferPointer(start: start, count: byteCount))
        }
    }

    private static func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer? {
        var memory: UnsafeMutableRawPointer?
        guard byteCount >= 0, posix_memalign(&memory, alignment, max(byteCount, 1)) == 0 else {
            throw Diagnostic("core.out-of-memory", "cannot allocate \(byteCount) bytes for a tensor")
        }
        return memory
    }
}
