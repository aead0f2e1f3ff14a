/// The directory of a ZIP archive (PKWARE APPNOTE 6.3.10, with ZIP64), read-only. Only what is stored without
/// compression can be read; so NumPy (`savez`) and PyTorch write their archives.
package struct ZipArchive {
    /// One file in an archive.
    package struct Entry {
        /// Name in the archive, folders separated by `/`.
        package let name: String
        /// Compression method, 0 for stored, 8 for deflate.
        package let method: Int
        /// Size in bytes.
        package let size: Int
        /// Size in the archive.
        package let compressedSize: Int
        /// CRC-32 of the contents.
        package let checksum: UInt32
        /// Where the local header begins.
        package let headerOffset: Int
        /// Whether the contents are encrypted.
        package let isEncrypted: Bool
    }

    /// All files, in the order of the directory.
    package let entries: [Entry]

    /// Reads the directory of an archive.
    ///
    /// - Throws: `zip.format` for what is no archive, `file.truncated`, `file.damaged`.
    package init(_ reader: ByteReader) throws {
        let end = try ZipDirectoryEnd(reader)
        var entries: [Entry] = []
        var offset = end.directoryOffset
        var room = reader.bytes.count
        for _ in 0..<end.entryCount {
            let (entry, next) = try Self.entry(reader, at: offset)
            // Entries over the same bytes would make a small archive a lot of work.
            guard entry.compressedSize <= room else {
                throw reader.failure("file.damaged", "the entries of the archive overlap", offset)
            }
            room -= entry.compressedSize
            entries.append(entry)
            offset = next
        }
        self.entries = entries
    }

    /// Where the stored contents of `entry` lie in the archive.
    ///
    /// - Throws: `zip.compressed` if they are compressed or encrypted, `file.truncated`, `file.damaged`.
    package static func contents(of entry: Entry, _ reader: ByteReader) throws -> Range<Int> {
        let header = entry.headerOffset
        guard entry.method == 0, !entry.isEncrypted else {
            throw reader.failure(
                "zip.compressed", "'\(entry.name)' is \(entry.isEncrypted ? "encrypted" : "compressed")", header,
                help: "write the archive without compression, as numpy.savez does and numpy.savez_compressed does not")
        }
        guard try reader.integer(at: header, as: UInt32.self) == 0x0403_4b50, entry.size == entry.compressedSize else {
            throw reader.failure("file.damaged", "the header of '\(entry.name)' is damaged", header)
        }
        let nameLength = Int(try reader.integer(at: header + 26, as: UInt16.self))
        let extraLength = Int(try reader.integer(at: header + 28, as: UInt16.self))
        let start = header + 30 + nameLength + extraLength
        _ = try reader.slice(at: start, count: entry.size)
        return start..<start + entry.size
    }

    private static func entry(_ reader: ByteReader, at offset: Int) throws -> (entry: Entry, next: Int) {
        let fixed = ByteReader(try reader.slice(at: offset, count: 46), path: reader.path, base: reader.base + offset)
        guard try fixed.integer(at: 0, as: UInt32.self) == 0x0201_4b50 else {
            throw reader.failure("file.damaged", "the directory of the archive is damaged", offset)
        }
        let lengths = try [28, 30, 32].map { Int(try fixed.integer(at: $0, as: UInt16.self)) }
        let name = try reader.slice(at: offset + 46, count: lengths[0])
        let extra = try reader.slice(at: offset + 46 + lengths[0], count: lengths[1])
        let short = try [24, 20, 42].map { try fixed.integer(at: $0, as: UInt32.self) }
        let sizes = try zip64(short, ByteReader(extra, path: reader.path, base: reader.base + offset + 46 + lengths[0]))
        let entry = Entry(
            name: String(decoding: name, as: UTF8.self),
            method: Int(try fixed.integer(at: 10, as: UInt16.self)),
            size: sizes[0], compressedSize: sizes[1],
            checksum: try fixed.integer(at: 16, as: UInt32.self),
            headerOffset: sizes[2],
            isEncrypted: try fixed.integer(at: 8, as: UInt16.self) & 1 != 0)
        return (entry, offset + 46 + lengths.reduce(0, +))
    }

    /// Replaces those of `short` that are all ones by the 64-bit values in the extra field with id 1.
    private static func zip64(_ short: [UInt32], _ extra: ByteReader) throws -> [Int] {
        guard short.contains(.max) else { return short.map { Int($0) } }
        var offset = 0
        while offset + 4 <= extra.bytes.count {
            let id = try extra.integer(at: offset, as: UInt16.self)
            let length = Int(try extra.integer(at: offset + 2, as: UInt16.self))
            offset += 4
            guard id == 1 else {
                offset += length
                continue
            }
            return try short.map { value in
                guard value == .max else { return Int(value) }
                defer { offset += 8 }
                return try extra.size(at: offset)
            }
        }
        throw extra.failure("file.damaged", "a 64-bit size is missing in the directory of the archive", 0)
    }
}

/// The record at the end of an archive that says where the directory is.
private struct ZipDirectoryEnd {
    let entryCount: Int
    let directoryOffset: Int

    init(_ reader: ByteReader) throws {
        let record = try Self.find(reader)
        let count = try reader.integer(at: record + 10, as: UInt16.self)
        let offset = try reader.integer(at: record + 16, as: UInt32.self)
        guard count == .max || offset == .max, let long = try Self.zip64Record(reader, before: record) else {
            (entryCount, directoryOffset) = (Int(count), Int(offset))
            return
        }
        entryCount = try reader.size(at: long + 32)
        directoryOffset = try reader.size(at: long + 48)
    }

    /// The record has a comment of up to 65535 bytes after it, hence is searched from the end.
    private static func find(_ reader: ByteReader) throws -> Int {
        var offset = reader.bytes.count - 22
        while offset >= max(0, reader.bytes.count - 22 - 0xFFFF) {
            if try reader.integer(at: offset, as: UInt32.self) == 0x0605_4b50 { return offset }
            offset -= 1
        }
        throw reader.failure("zip.format", "this is no ZIP archive, or its end is missing", reader.bytes.count)
    }

    private static func zip64Record(_ reader: ByteReader, before record: Int) throws -> Int? {
        let locator = record - 20
        guard locator >= 0, try reader.integer(at: locator, as: UInt32.self) == 0x0706_4b50 else { return nil }
        let offset = try reader.size(at: locator + 8)
        guard try reader.integer(at: offset, as: UInt32.self) == 0x0606_4b50 else {
            throw reader.failure("file.damaged", "the directory of the archive is damaged", offset)
        }
        return offset
    }
}
