extension SplitMix64 {
    /// `bytes` with one to four of them replaced, often by one of `telling`, and now and then cut short.
    ///
    /// - Parameter telling: Bytes at which a format turns: ends of ranges, signs, quotes, tags.
    package mutating func damaged(_ bytes: [UInt8], telling: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty else { return bytes }
        var result = bytes
        for _ in 0...int(0..<4) { result[int(result.indices)] = byte(telling) }
        if int(0..<4) == 0 { result.removeLast(int(result.indices)) }
        return result
    }

    private mutating func byte(_ telling: [UInt8]) -> UInt8 {
        let choice = int(0..<telling.count + 8)
        return choice < telling.count ? telling[choice] : UInt8(int(0..<256))
    }
}
