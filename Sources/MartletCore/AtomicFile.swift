internal import Glibc
import Synchronization

/// Writes files that are either there in full or not at all.
///
/// The bytes go to a temporary file beside the target, which takes the target's name only when everything is on the
/// disk. A failure removes the temporary file; a crash leaves at worst that one, never half a target.
public enum AtomicFile {
    /// Writes what `body` hands to the writer into the file at `path`, replacing a file that is there.
    ///
    /// - Throws: `file.write` with the reason of the system, and what `body` throws.
    public static func write<R>(to path: String, _ body: (Writer) throws -> R) throws -> R {
        let writer = try Writer(target: path)
        do {
            let result = try body(writer)
            try writer.commit()
            return result
        } catch {
            writer.discard()
            throw error
        }
    }

    /// Writes `bytes` into the file at `path`, replacing a file that is there.
    ///
    /// - Throws: `file.write` with the reason of the system.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { try $0.write(bytes) }
    }

    /// Removes the temporary files of all writes in progress, of any thread, and refuses new ones: for a process that is
    /// about to end. Files whose writes are complete stay.
    public static func abandonAll() {
        pending.withLock { pending in
            for path in pending.paths { unlink(path) }
            pending = (paths: [], isClosed: true)
        }
    }

    /// The temporary files that there are, and whether no more may be made.
    fileprivate static let pending = Mutex<(paths: Set<String>, isClosed: Bool)>(([], false))

    /// Receives the bytes of a file being written; valid inside `AtomicFile.write` only.
    public final class Writer {
        /// Bytes written so far.
        public private(set) var count = 0

        private let target: String
        private let temporary: String
        private var descriptor: CInt
        private var buffer: [UInt8] = []
        private static let bufferSize = 1 << 16

        fileprivate init(target: String) throws {
            self.target = target
            (temporary, descriptor) = try Self.create(beside: target)
        }

        deinit { discard() }
    }
}

extension AtomicFile.Writer {
    /// Appends `bytes`.
    ///
    /// - Throws: `file.write`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        if buffer.count + bytes.count > Self.bufferSize { try flush() }
        if bytes.count >= Self.bufferSize {
            try send(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
        count += bytes.count
    }

    /// Appends `bytes`.
    ///
    /// - Throws: `file.write`.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Appends zeros until the count of bytes is a multiple of `alignment`.
    ///
    /// - Throws: `file.write`.
    public func pad(to alignment: Int) throws {
        let rest = alignment > 0 ? count % alignment : 0
        if rest != 0 { try write([UInt8](repeating: 0, count: alignment - rest)) }
    }

    /// Replaces bytes that were written before, from `offset` on: for headers that are known at the end only.
    ///
    /// - Throws: `file.write`, also if the bytes would go beyond what was written.
    public func overwrite(_ bytes: [UInt8], at offset: Int) throws {
        guard offset >= 0, bytes.count <= count, offset <= count - bytes.count else {
            throw Diagnostic("file.write", "overwriting beyond the end", at: .file(path: target, offset: offset))
        }
        try flush()
        try bytes.withUnsafeBytes { all in
            var done = 0
            while done < all.count {
                let rest = UnsafeRawBufferPointer(rebasing: all[done...])
                let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
                done += try accepted(written)
            }
        }
    }

    private func flush() throws {
        try buffer.withUnsafeBytes { try send($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let written = try accepted(Glibc.write(descriptor, rest.baseAddress, rest.count))
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Bytes that a system call took; an interrupted call took none and is tried again.
    private func accepted(_ written: Int) throws -> Int {
        if written >= 0 { return written }
        guard errno == EINTR else { throw Self.failure("write", target) }
        return 0
    }
}

// MARK: - Creating, committing, discarding

extension AtomicFile.Writer {
    private static func create(beside target: String) throws -> (path: String, descriptor: CInt) {
        for attempt in 0..<64 {
            let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
            let path = "\(target).tmp-\(getpid())-\(attempt)-\(tag)"
            let descriptor = try makeFile(path, for: target)
            if descriptor >= 0 { return (path, descriptor) }
            guard errno == EEXIST || errno == EINTR else { break }
        }
        throw failure("create", target)
    }

    private static func makeFile(_ path: String, for target: String) throws -> CInt {
        try AtomicFile.pending.withLock { pending in
            guard !pending.isClosed else {
                throw Diagnostic("file.write", "the process is ending", at: .file(path: target, offset: nil))
            }
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 { pending.paths.insert(path) }
            return descriptor
        }
    }

    private func forget() { _ = AtomicFile.pending.withLock { $0.paths.remove(temporary) } }

    fileprivate func commit() throws {
        try flush()
        guard fsync(descriptor) == 0 else { throw Self.failure("write", target) }
        let isClosed = close(descriptor) == 0
        descriptor = -1
        defer { forget() }
        guard isClosed else {
            unlink(temporary)
            throw Self.failure("write", target)
        }
        guard rename(temporary, target) == 0 else {
            let failure = Self.failure("replace", target)
            unlink(temporary)
            throw failure
        }
        syncDirectory()
    }

    fileprivate func discard() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary)
        forget()
    }

    /// Makes the new name itself durable; not every file system can, so failure is no error.
    private func syncDirectory() {
        let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = slash.map { String(target[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ action: String, _ path: String) -> Diagnostic {
        let reason = String(cString: strerror(errno))
        return Diagnostic("file.write", "cannot \(action): \(reason)", at: .file(path: path, offset: nil))
    }
}
