/// Where speech is, by the rule of the package silero-vad with its usual values.
struct SpeechSegments {
    /// Ranges of samples.
    private(set) var ranges: [Range<Int>] = []

    private static let chunk = 512
    private static let (threshold, lowThreshold): (Float, Float) = (0.5, 0.35)
    private static let (shortestSilence, shortestSpeech, margin) = (1600, 4000, 480)

    /// The segments of a sound whose chunks are speech with these probabilities.
    init(_ probabilities: [Float], sampleCount: Int) {
        var start: Int?
        var possibleEnd: Int?
        for (number, probability) in probabilities.enumerated() {
            let position = number * Self.chunk
            if probability >= Self.threshold {
                possibleEnd = nil
                start = start ?? position
            } else if probability < Self.lowThreshold, let begin = start {
                let end = possibleEnd ?? position
                possibleEnd = end
                guard position - end >= Self.shortestSilence else { continue }
                append(begin, end)
                (start, possibleEnd) = (nil, nil)
            }
        }
        if let start { append(start, sampleCount) }
        widen(within: sampleCount)
    }

    private mutating func append(_ start: Int, _ end: Int) {
        if end - start > Self.shortestSpeech { ranges.append(start..<end) }
    }

    /// Adds a margin to each side; neighbours share a gap that is too narrow for two.
    private mutating func widen(within count: Int) {
        let plain = ranges
        for (number, range) in plain.enumerated() {
            let before = number > 0 ? range.lowerBound - plain[number - 1].upperBound : 2 * Self.margin
            let after = number + 1 < plain.count ? plain[number + 1].lowerBound - range.upperBound : 2 * Self.margin
            let start = max(0, range.lowerBound - min(before / 2, Self.margin))
            ranges[number] = start..<min(count, range.upperBound + min(after / 2, Self.margin))
        }
    }
}
