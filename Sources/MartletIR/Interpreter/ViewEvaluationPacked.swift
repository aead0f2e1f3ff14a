import MartletCore

// Elements of 2, 4 and 6 bits are copied as bytes. One eighth of a count of elements is a whole count of bytes.

extension ViewEvaluation {
    /// The codes of a packed tensor, a byte each.
    static func unpacked(_ x: HostTensor) throws -> HostTensor {
        guard x.type.isPacked else { return x }
        let result = try ResultBuffer(.uint8, x.shape)
        let width = x.type.bitWidth
        let mask = UInt16(1 << width - 1)
        let codes = result.start.assumingMemoryBound(to: UInt8.self)
        withExtendedLifetime(x) {
            guard let bytes = x.start?.assumingMemoryBound(to: UInt8.self) else { return }
            for index in 0..<x.count {
                let (byte, bit) = place(of: index, width)
                var pair = UInt16(bytes[byte])
                if bit + width > 8 { pair |= UInt16(bytes[byte + 1]) << 8 }
                codes[index] = UInt8(truncatingIfNeeded: (pair >> UInt16(bit)) & mask)
            }
        }
        return try result.tensor()
    }

    /// The packed tensor of codes, a byte each.
    static func packed(_ codes: HostTensor, as type: ElementType) throws -> HostTensor {
        guard type.isPacked else { return codes }
        let result = try ResultBuffer(type, codes.shape)
        let width = type.bitWidth
        let mask = UInt8(1 << width - 1)
        let bytes = result.start.assumingMemoryBound(to: UInt8.self)
        bytes.update(repeating: 0, count: type.byteCount(of: codes.count) ?? 0)
        withExtendedLifetime(codes) {
            guard let source = codes.start?.assumingMemoryBound(to: UInt8.self) else { return }
            for index in 0..<codes.count {
                let (byte, bit) = place(of: index, width)
                let pair = UInt16(source[index] & mask) << UInt16(bit)
                bytes[byte] |= UInt8(truncatingIfNeeded: pair)
                if bit + width > 8 { bytes[byte + 1] |= UInt8(truncatingIfNeeded: pair >> 8) }
            }
        }
        return try result.tensor()
    }

    private static func place(of index: Int, _ width: Int) -> (byte: Int, bit: Int) {
        let bit = index % 8 * width
        return (index / 8 * width + bit / 8, bit % 8)
    }
}
