/// The CRC-32 of ZIP and PNG (reflected polynomial 0xEDB88320), eight bytes a step ("slicing by 8", Kounavis and
/// Berry, 2005).
package struct CRC32 {
    private var state: UInt32 = ~0

    package init() {}

    /// The checksum of all bytes so far.
    package var value: UInt32 { ~state }

    /// The checksum of `bytes`.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32()
        crc.update(bytes)
        return crc.value
    }

    /// Takes in more bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        state = Self.tables.withUnsafeBufferPointer { table in
            var crc = state
            var offset = 0
            while bytes.count - offset >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                crc = 0
                for index in 0..<8 { crc ^= table[(7 - index) << 8 | Int(mixed >> UInt64(8 * index) & 0xFF)] }
                offset += 8
            }
            while offset < bytes.count {
                crc = table[Int((crc ^ UInt32(bytes[offset])) & 0xFF)] ^ crc >> 8
                offset += 1
            }
            return crc
        }
    }

    /// Eight tables of 256 entries, one after the other: table `k` advances a byte over `k` zero bytes.
    private static let tables: [UInt32] = {
        var result = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
            result[byte] = crc
        }
        for index in 256..<result.count {
            let previous = result[index - 256]
            result[index] = result[Int(previous & 0xFF)] ^ previous >> 8
        }
        return result
    }()
}
