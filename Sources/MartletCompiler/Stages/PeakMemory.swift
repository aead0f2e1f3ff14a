import Glibc

/// The most memory that the process held, as the kernel counts it.
enum PeakMemory {
    /// The peak of the resident memory since the last call, in bytes; since the start of the process where the kernel does
    /// not let it be reset. Nil where it is not known.
    static func take() -> Int? {
        defer { reset() }
        return read("VmHWM:")
    }

    private static func read(_ field: String) -> Int? {
        let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(field) }),
            let kibibytes = line.dropFirst(field.count).split(whereSeparator: \.isWhitespace).first.flatMap({ Int($0) })
        else { return nil }
        return kibibytes * 1024
    }

    /// Sets the peak to what is held now (proc(5), clear_refs).
    private static func reset() {
        let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = write(descriptor, "5", 1)
    }
}
