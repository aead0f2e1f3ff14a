/// A 128-bit hash that is the same in every process, on every machine and in every version of the library.
///
/// It tells contents apart (constants, kernels, cache keys); it is no defence against someone who looks for collisions.
///
/// The state is two 64-bit lanes. A block of two words is xored in, one word a lane; each lane is multiplied by an odd
/// constant to 128 bits; each low half, xored with the high half of the other lane, is the new lane. The low halves
/// keep all information, the high halves carry it from the upper bits down and across. Whatever is combined begins
/// with a block of its kind and length, so that neither `"ab", "c"` and `"a", "bc"` nor `1` and `"1"` agree, and
/// ends with two blocks of zeros, which spread the last word over all bits.
public struct StableHash: Sendable, Hashable {
    /// Upper half.
    public private(set) var high: UInt64
    /// Lower half.
    public private(set) var low: UInt64

    // Fractional digits of the square roots of 2, 3, 5 and 7, as SHA-512 uses them; the multipliers made odd.
    private static let seed: (UInt64, UInt64) = (0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b)
    private static let factor: (UInt64, UInt64) = (0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1)

    private enum Kind: UInt64 { case bytes = 1, integer, text }

    /// The hash of nothing.
    public init() {
        (high, low) = Self.seed
    }

    /// The hash with these halves, as stored before.
    public init(high: UInt64, low: UInt64) {
        (self.high, self.low) = (high, low)
    }

    /// The hash of `bytes`.
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.init()
        combine(bytes)
    }

    /// The hash of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.init()
        bytes.withUnsafeBytes { combine($0) }
    }
}

// MARK: - Combining

extension StableHash {
    /// Mixes in an integer.
    public mutating func combine(_ value: Int) {
        absorb(Kind.integer.rawValue, UInt64(bitPattern: Int64(value)))
        spread()
    }

    /// Mixes in a string, by its UTF-8.
    public mutating func combine(_ text: String) {
        var text = text
        text.withUTF8 { combine(UnsafeRawBufferPointer($0), .text) }
    }

    /// Mixes in bytes and their count.
    public mutating func combine(_ bytes: UnsafeRawBufferPointer) {
        combine(bytes, .bytes)
    }

    /// Mixes in another hash.
    public mutating func combine(_ other: StableHash) {
        absorb(other.low, other.high)
        spread()
    }

    /// Mixes in type, shape and elements of a tensor.
    public mutating func combine(_ tensor: HostTensor) {
        combine(tensor.type.name)
        combine(tensor.shape.count)
        for extent in tensor.shape { combine(extent) }
        tensor.withUnsafeBytes { combine($0) }
        for text in tensor.strings { combine(text) }
    }

    private mutating func combine(_ bytes: UnsafeRawBufferPointer, _ kind: Kind) {
        absorb(kind.rawValue, UInt64(bytes.count))
        var state = self
        var offset = 0
        while bytes.count - offset >= 16 {
            state.absorb(Self.word(bytes, offset), Self.word(bytes, offset + 8))
            offset += 16
        }
        self = state
        absorbTail(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        spread()
    }

    private mutating func absorbTail(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        var words: (UInt64, UInt64) = (0, 0)
        for (index, byte) in bytes.enumerated() {
            let bits = UInt64(byte) << UInt64(index % 8 * 8)
            if index < 8 { words.0 |= bits } else { words.1 |= bits }
        }
        absorb(words.0, words.1)
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private mutating func absorb(_ first: UInt64, _ second: UInt64) {
        let a = (low ^ first).multipliedFullWidth(by: Self.factor.0)
        let b = (high ^ second).multipliedFullWidth(by: Self.factor.1)
        low = a.low ^ b.high
        high = b.low ^ a.high
    }

    private mutating func spread() {
        absorb(0, 0)
        absorb(0, 0)
    }
}

extension StableHash: Comparable, CustomStringConvertible {
    /// Order of the 128-bit numbers.
    public static func < (a: StableHash, b: StableHash) -> Bool { (a.high, a.low) < (b.high, b.low) }

    /// 32 lower-case hexadecimal digits.
    public var description: String { Self.digits(high) + Self.digits(low) }

    private static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
