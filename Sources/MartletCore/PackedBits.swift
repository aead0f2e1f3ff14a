/// Elements of 2, 4 or 6 bits, one after the other in a string of bytes, low bits first.
enum PackedBits {
    /// Element `index`, in the low bits of the result.
    static func element(_ index: Int, width: Int, in bytes: UnsafeRawBufferPointer) -> UInt8 {
        // Whole bytes of eight elements first: no product that could overflow.
        let bit = index % 8 * width
        let byte = index / 8 * width + bit / 8
        var pair = UInt16(bytes[byte])
        if bit % 8 + width > 8 { pair |= UInt16(bytes[byte + 1]) << 8 }
        return UInt8(truncatingIfNeeded: pair >> UInt16(bit % 8)) & (1 << UInt8(width) - 1)
    }

    /// All `count` elements, a byte each.
    static func unpack(_ bytes: UnsafeRawBufferPointer, count: Int, width: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { codes, initialized in
            for index in 0..<count { codes[index] = element(index, width: width, in: bytes) }
            initialized = count
        }
    }

    /// Writes the low bits of `count` codes; `bytes` need not be zero before.
    static func pack(
        count: Int, width: Int, into bytes: UnsafeMutableRawBufferPointer, code: (Int) -> UInt8
    ) {
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let mask: UInt8 = 1 << UInt8(width) - 1
        for index in 0..<count {
            let bit = index % 8 * width
            let byte = index / 8 * width + bit / 8
            let pair = UInt16(code(index) & mask) << UInt16(bit % 8)
            bytes[byte] |= UInt8(truncatingIfNeeded: pair)
            if bit % 8 + width > 8 { bytes[byte + 1] |= UInt8(truncatingIfNeeded: pair >> 8) }
        }
    }
}
