import TestSupport

/// Damages bytes of a text or a file.
enum ByteFuzzer {
    private static let telling: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF] + Array("0129-'\"(),[]{}\\u".utf8)

    /// Calls `body` with every beginning of `bytes`, and with `count` damaged copies.
    static func run(_ bytes: [UInt8], count: Int, _ body: ([UInt8]) -> Void) {
        for length in 0..<bytes.count { body(Array(bytes[..<length])) }
        var random = SplitMix64(seed: UInt64(bytes.count))
        for _ in 0..<count { body(random.damaged(bytes, telling: telling)) }
    }
}
