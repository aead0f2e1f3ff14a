import TestSupport

extension SplitMix64 {
    /// `bytes` with some of them replaced, often by ends of ranges or by tags of messages.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        damaged(bytes, telling: [0, 1, 0x7f, 0x80, 0xff, 0x08, 0x10])
    }

    /// A text with one to four of its words left out, doubled, swapped or replaced by another.
    mutating func damaged(_ text: String) -> String {
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        for _ in 0...int(0..<4) where words.count > 1 {
            let (one, other) = (int(words.indices), int(words.indices))
            switch int(0..<6) {
            case 0: words.remove(at: one)
            case 1: words.insert(words[other], at: one)
            case 2: words.swapAt(one, other)
            case 3: words[one] = words[other]
            case 4: words[one] = String(decoding: damaged(Array(words[one].utf8)), as: UTF8.self)
            default:
                let numbers = ["0", "-1", "1", "2", "3", "9223372036854775807", "-9223372036854775808", "64"]
                words[one] = words[one].replacing(
                    /-?[0-9]+/, with: numbers[int(numbers.indices)], maxReplacements: 1)
            }
        }
        return words.joined(separator: " ")
    }
}
