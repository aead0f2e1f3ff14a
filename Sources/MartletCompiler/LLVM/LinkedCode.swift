import MartletCore

/// Position-independent machine code with its constants: no relocation and no symbol is left. It runs from any
/// address that is a multiple of `alignment` (on AArch64 at least 4096).
public struct LinkedCode: Hashable, Sendable {
    /// A function that may be called from outside.
    public struct Entry: Hashable, Sendable {
        /// The name in the IR.
        public var name: String
        /// Byte offset in the code.
        public var offset: Int

        /// An entry of the given name and offset.
        public init(name: String, offset: Int) {
            (self.name, self.offset) = (name, offset)
        }
    }

    /// The machine that executes it.
    public var architecture: CPUArchitecture
    /// What the start must be a multiple of; a power of two up to 4096.
    public var alignment: Int
    /// Code and constants.
    public var bytes: [UInt8]
    /// The functions that may be called, by offset.
    public var entries: [Entry]

    /// Code of the given parts.
    public init(architecture: CPUArchitecture, alignment: Int, bytes: [UInt8], entries: [Entry]) {
        (self.architecture, self.alignment, self.bytes, self.entries) = (architecture, alignment, bytes, entries)
    }

    /// The offset of a function; nil if there is none of that name.
    public func offset(of name: String) -> Int? {
        entries.first { $0.name == name }?.offset
    }
}

/// The code of several kernels in one piece, as an engine holds it.
public struct CodeSection: Hashable, Sendable {
    /// All code; the start must lie on a page.
    public var bytes: [UInt8]
    /// Where each part starts, in the order given.
    public var starts: [Int]
    /// The entries of each part, with offsets in `bytes`.
    public var entries: [[LinkedCode.Entry]]

    /// Lays parts one after the other: on AArch64 each starts on a page of 4096 bytes, since its addresses are formed
    /// from pages, on x86-64 at a multiple of 64. The parts must be for one machine.
    public init(_ parts: [LinkedCode]) throws {
        guard let first = parts.first else {
            (bytes, starts, entries) = ([], [], [])
            return
        }
        guard parts.allSatisfy({ $0.architecture == first.architecture }) else {
            throw Diagnostic("link.machine", "code for different machines cannot be joined")
        }
        let least = first.architecture == .arm ? 4096 : 64
        var (bytes, starts, entries): ([UInt8], [Int], [[LinkedCode.Entry]]) = ([], [], [])
        for part in parts {
            let alignment = max(least, part.alignment)
            let start = (bytes.count + alignment - 1) / alignment * alignment
            bytes += repeatElement(ObjectLinker.filler(part.architecture), count: start - bytes.count)
            starts.append(start)
            entries.append(part.entries.map { LinkedCode.Entry(name: $0.name, offset: start + $0.offset) })
            bytes += part.bytes
        }
        (self.bytes, self.starts, self.entries) = (bytes, starts, entries)
    }
}
