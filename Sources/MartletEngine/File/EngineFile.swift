import MartletCore

/// The container of an engine: a directory of checked sections, the same in every version.
///
/// All numbers are little-endian. The file starts with the directory:
///
///     offset  0  8 bytes  magic "MARTLET" and 0x1a
///             8  u32      version of the container (1)
///            12  u32      number of sections
///            16  u64      size of the file
///            24  u64      checksum of everything in the directory behind this field
///            32           the sections, 64 bytes each:
///                         16 bytes name, 16 bytes target tag, u64 offset, u64 size, u64 checksum, u32 version,
///                         u32 flags
///
/// `tables` and `code` are those of the engine itself; each specialisation has its own, `tables.1` and `code.1` for the
/// first. All use the one section `weights`.
///
/// The section `header` follows the directory; it is text, one `key value` a line, so that every version can print it.
/// The other sections start at multiples of 64 KiB, the largest page size of AArch64 servers, so that each can be
/// mapped with its own protection.
enum EngineFile {
    static let magic: [UInt8] = Array("MARTLET\u{1a}".utf8)
    static let containerVersion: UInt32 = 1
    static let alignment = 0x1_0000
    static let directoryHead = 32
    static let entrySize = 64
    static let maximumSections = 64
    /// Set in the flags of sections that a reader must know.
    static let requiredFlag: UInt32 = 1

    static let header = "header"
    static let tables = "tables"
    static let code = "code"
    static let weights = "weights"
    static let graph = "graph"
    private static let known: [String] = [header, tables, code, weights, graph]

    /// The name of a section of variant `number`; 0 is the engine itself, nil gives what the names of all others begin
    /// with.
    static func section(_ name: String, ofVariant number: Int?) -> String {
        number == 0 ? name : "\(name).\(number.map { String($0) } ?? "")"
    }

    /// Whether this version reads the section.
    static func isKnown(_ name: String) -> Bool {
        if known.contains(name) { return true }
        let numbers = 1...Engine.maximumSpecialisations
        return numbers.contains { name == section(tables, ofVariant: $0) || name == section(code, ofVariant: $0) }
    }

    /// The error for a file that is not as it was written.
    static func damaged(section: String, _ what: String) -> Diagnostic {
        Diagnostic(
            "engine.damaged", "section '\(section)' of the engine is damaged: \(what)", help: "compile the model again")
    }

    /// One line of the directory.
    struct Entry: Sendable {
        var name: String
        /// What the bytes are for, such as `host` or a target's name.
        var tag: String
        var offset: Int
        var count: Int
        var checksum: UInt64
        var version: UInt32
        var isRequired: Bool
    }
}

extension EngineFile {
    /// Bytes of the directory with `count` sections.
    static func directorySize(sections count: Int) -> Int { directoryHead + entrySize * count }

    /// The directory as bytes.
    static func encode(_ entries: [Entry], fileSize: Int) -> [UInt8] {
        var listing: [UInt8] = []
        for entry in entries {
            listing += padded(entry.name) + padded(entry.tag)
            for number in [UInt64(entry.offset), UInt64(entry.count), entry.checksum] { append(number, to: &listing) }
            append(entry.version, to: &listing)
            append(entry.isRequired ? requiredFlag : 0, to: &listing)
        }
        var head = magic
        append(containerVersion, to: &head)
        append(UInt32(entries.count), to: &head)
        append(UInt64(fileSize), to: &head)
        append(checksum(listing), to: &head)
        return head + listing
    }

    private static func padded(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8.prefix(16))
        return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
    }

    private static func append<Number: FixedWidthInteger>(_ number: Number, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

extension EngineFile {
    /// Reads and checks the directory of a file of which `bytes` are all.
    static func directory(of bytes: UnsafeRawBufferPointer) throws -> [Entry] {
        guard bytes.count >= directoryHead, bytes.prefix(8).elementsEqual(magic) else {
            throw Diagnostic(
                "engine.not-an-engine", "this is no engine of Martlet", help: "give a file that was compiled")
        }
        let version = number(UInt32.self, bytes, 8)
        guard version == containerVersion else {
            throw Diagnostic(
                "engine.unknown-version",
                "the engine's container has version \(version), this program knows "
                    + "\(containerVersion)", help: "use a newer Martlet, or compile the model again")
        }
        let count = Int(number(UInt32.self, bytes, 12))
        guard count <= maximumSections, directorySize(sections: count) <= bytes.count else {
            throw damaged(section: "directory", "it ends too early")
        }
        guard number(UInt64.self, bytes, 16) == UInt64(bytes.count) else {
            throw damaged(
                section: "directory",
                "the file has \(bytes.count) bytes and should have "
                    + "\(number(UInt64.self, bytes, 16))")
        }
        let listing = UnsafeRawBufferPointer(rebasing: bytes[directoryHead..<directorySize(sections: count)])
        guard checksum(listing) == number(UInt64.self, bytes, 24) else {
            throw damaged(section: "directory", "its checksum is wrong")
        }
        return try (0..<count).map { try entry($0, of: bytes) }
    }

    private static func entry(_ index: Int, of bytes: UnsafeRawBufferPointer) throws -> Entry {
        let start = directoryHead + entrySize * index
        let name = text(bytes, start)
        let offset = number(UInt64.self, bytes, start + 32)
        let count = number(UInt64.self, bytes, start + 40)
        let size = UInt64(bytes.count)
        guard offset <= size, count <= size - offset else {
            throw damaged(section: name, "it lies outside of the file")
        }
        return Entry(
            name: name, tag: text(bytes, start + 16), offset: Int(offset), count: Int(count),
            checksum: number(UInt64.self, bytes, start + 48), version: number(UInt32.self, bytes, start + 56),
            isRequired: number(UInt32.self, bytes, start + 60) & requiredFlag != 0)
    }

    private static func text(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> String {
        String(decoding: bytes[start..<start + 16].prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The caller has checked that the number lies in `bytes`.
    private static func number<Number: FixedWidthInteger>(
        _ type: Number.Type, _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> Number {
        Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

extension EngineFile {
    /// The checksum of a section.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        StableHash(bytes).low
    }

    /// The checksum of a section.
    static func checksum(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { checksum($0) }
    }

    /// The next multiple of the alignment, for sizes of memory that exists.
    static func aligned(_ offset: Int) -> Int {
        (offset + alignment - 1) / alignment * alignment
    }
}
