internal import CMartlet
internal import Glibc
internal import MartletCore
internal import MartletEngine

/// The code section of an engine, executable.
///
/// Invariants: the pages never are writable and executable at once; they stay mapped while the object lives, and every
/// run holds the object until no thread is inside a kernel. Position-independent code without relocations may stand at
/// any page boundary.
final class ExecutableCode: @unchecked Sendable {
    private let start: UnsafeMutableRawPointer?
    private let count: Int
    /// The section itself, if it is executable where it was mapped.
    private let section: SectionBytes?

    /// Makes the pages of a mapped engine file executable in place; copies the code where that is refused, or where it
    /// does not start at a page.
    ///
    /// - Throws: `engine.code-refused` if the system allows no executable memory at all.
    init(_ code: SectionBytes) throws {
        if code.isMapped, let mapped = Self.protect(code) {
            (start, count, section) = (mapped, 0, code)
            return
        }
        section = nil
        count = code.count
        start = try code.withUnsafeBytes { try Self.copy($0) }
    }

    deinit {
        if let start, section == nil { munmap(start, count) }
    }

    /// The function at an offset that the engine's validation has found to lie in the code.
    func function(at offset: Int) -> KernelFunction? {
        start.map { unsafeBitCast($0 + offset, to: KernelFunction.self) }
    }

    private static func protect(_ code: SectionBytes) -> UnsafeMutableRawPointer? {
        code.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress, UInt(bitPattern: address) % UInt(getpagesize()) == 0 else {
                return nil
            }
            let start = UnsafeMutableRawPointer(mutating: address)
            return mprotect(start, bytes.count, PROT_READ | PROT_EXEC) == 0 ? start : nil
        }
    }

    private static func copy(_ bytes: UnsafeRawBufferPointer) throws -> UnsafeMutableRawPointer? {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return nil }
        let memory = mmap(nil, bytes.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw refused() }
        memory.copyMemory(from: source, byteCount: bytes.count)
        guard mprotect(memory, bytes.count, PROT_READ | PROT_EXEC) == 0 else {
            munmap(memory, bytes.count)
            throw refused()
        }
        cm_clear_instruction_cache(memory, UInt64(bytes.count))
        return memory
    }

    private static func refused() -> Diagnostic {
        let reason = String(cString: strerror(errno))
        return Diagnostic(
            "engine.code-refused", "the system allows no executable memory: \(reason)",
            help: "allow it for this process, for example in the SELinux or systemd policy")
    }
}
