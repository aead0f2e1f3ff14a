/// Writes a ZIP archive of stored entries, with ZIP64 where sizes ask for it. Contents begin at multiples of 64 bytes,
/// so that they are aligned when the archive is mapped.
package final class ZipWriter {
    private struct Entry {
        let name: [UInt8]
        let size: Int
        let checksum: UInt32
        let headerOffset: Int
    }

    private let output: AtomicFile.Writer
    private var entries: [Entry] = []
    private static let alignment = 64
    /// First size that 32 bits cannot hold: all ones stand for "see the 64-bit value".
    private static let limit = Int(UInt32.max)

    /// A writer that appends to `output`.
    package init(_ output: AtomicFile.Writer) {
        self.output = output
    }

    /// Adds the entry `name` with the bytes of all `parts`.
    ///
    /// - Throws: `file.write`, `zip.format` if the name is longer than 65535 bytes.
    package func add(_ name: String, _ parts: [UnsafeRawBufferPointer]) throws {
        var checksum = CRC32()
        for part in parts { checksum.update(part) }
        let entry = Entry(
            name: Array(name.utf8), size: parts.reduce(0) { $0 + $1.count }, checksum: checksum.value,
            headerOffset: output.count)
        guard entry.name.count <= UInt16.max else {
            throw Diagnostic("zip.format", "a name of \(entry.name.count) bytes is too long for an archive")
        }
        try output.write(localHeader(entry))
        for part in parts { try output.write(part) }
        entries.append(entry)
    }

    /// Writes the directory. Nothing can be added thereafter.
    ///
    /// - Throws: `file.write`.
    package func finish() throws {
        let start = output.count
        for entry in entries { try output.write(directoryEntry(entry)) }
        let size = output.count - start
        let isLong = entries.count >= UInt16.max || start >= Self.limit || size >= Self.limit
        if isLong { try output.write(zip64End(start, size)) }
        var end = LittleEndianBytes()
        end.append(0x0605_4b50 as UInt32, 0 as UInt32)
        let count = UInt16(clamping: entries.count)
        end.append(count, count)
        end.append(UInt32(clamping: size), UInt32(clamping: start))
        end.append(0 as UInt16)
        try output.write(end.bytes)
    }

    private func localHeader(_ entry: Entry) -> [UInt8] {
        let isLong = entry.size >= Self.limit
        var extra = LittleEndianBytes()
        if isLong {
            extra.append(1 as UInt16, 16)
            extra.append(UInt64(entry.size), UInt64(entry.size))
        }
        // Padding by the extra field that zipalign uses: id 0xD935, length, alignment, zeros.
        let start = entry.headerOffset + 30 + entry.name.count + extra.bytes.count + 6
        let padding = (Self.alignment - start % Self.alignment) % Self.alignment
        extra.append(0xD935 as UInt16, UInt16(2 + padding), UInt16(Self.alignment))
        extra.bytes += repeatElement(0, count: padding)
        var header = LittleEndianBytes()
        header.append(0x0403_4b50 as UInt32)
        appendCommon(entry, to: &header)
        header.append(UInt16(entry.name.count), UInt16(extra.bytes.count))
        return header.bytes + entry.name + extra.bytes
    }

    private func directoryEntry(_ entry: Entry) -> [UInt8] {
        let long = [entry.size, entry.size, entry.headerOffset].filter { $0 >= Self.limit }
        var extra = LittleEndianBytes()
        if !long.isEmpty {
            extra.append(1 as UInt16, UInt16(8 * long.count))
            for value in long { extra.append(UInt64(value)) }
        }
        var header = LittleEndianBytes()
        header.append(0x0201_4b50 as UInt32)
        header.append(45 as UInt16)
        appendCommon(entry, to: &header)
        header.append(UInt16(entry.name.count), UInt16(extra.bytes.count))
        header.append(0 as UInt16, 0, 0)
        header.append(0 as UInt32, UInt32(clamping: entry.headerOffset))
        return header.bytes + entry.name + extra.bytes
    }

    /// The fields that local header and directory share: version, flags (names in UTF-8), method, the earliest date
    /// (so that equal contents give equal archives), checksum, sizes.
    private func appendCommon(_ entry: Entry, to header: inout LittleEndianBytes) {
        header.append(45 as UInt16, 1 << 11, 0, 0, 0x21)
        let size = UInt32(clamping: entry.size)
        header.append(entry.checksum, size, size)
    }

    private func zip64End(_ start: Int, _ size: Int) -> [UInt8] {
        var record = LittleEndianBytes()
        record.append(0x0606_4b50 as UInt32)
        record.append(44 as UInt64)
        record.append(45 as UInt16, 45)
        record.append(0 as UInt32, 0)
        record.append(UInt64(entries.count), UInt64(entries.count), UInt64(size), UInt64(start))
        record.append(0x0706_4b50 as UInt32, 0)
        record.append(UInt64(start + size))
        record.append(1 as UInt32)
        return record.bytes
    }
}

/// Bytes to which integers are appended little-endian.
package struct LittleEndianBytes {
    /// The bytes so far.
    package var bytes: [UInt8] = []

    package init() {}

    /// Appends integers, one after the other.
    package mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ values: T...) {
        for value in values { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    }
}
