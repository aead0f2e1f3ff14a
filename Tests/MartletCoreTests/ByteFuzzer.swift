/// Damages bytes in ways that are the same in every run.
struct ByteFuzzer {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A number below `bound` (SplitMix64).
    mutating func next(below bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ mixed >> 31) % UInt64(bound))
    }

    /// `bytes` with one to four of them replaced, and now and then cut short.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0...next(below: 4) { result[next(below: result.count)] = interestingByte() }
        if next(below: 4) == 0 { result.removeLast(next(below: result.count)) }
        return result
    }

    private mutating func interestingByte() -> UInt8 {
        let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF] + Array("0129-'\"(),[]{}\\u".utf8)
        let choice = next(below: interesting.count + 8)
        return choice < interesting.count ? interesting[choice] : UInt8(next(below: 256))
    }

    /// Calls `body` with every beginning of `bytes`, and with `count` damaged copies.
    static func run(_ bytes: [UInt8], count: Int, _ body: ([UInt8]) -> Void) {
        for length in 0..<bytes.count { body(Array(bytes[..<length])) }
        var fuzzer = ByteFuzzer(seed: UInt64(bytes.count))
        for _ in 0..<count { body(fuzzer.damaged(bytes)) }
    }
}
