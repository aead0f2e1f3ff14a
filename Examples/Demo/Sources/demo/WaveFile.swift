import Foundation

/// A sound of one channel in 16-bit integers, from a `.wav` file.
struct WaveFile {
    /// Samples a second.
    let rate: Int
    /// Samples from -1 to 1.
    let samples: [Float]

    /// Reads a file.
    ///
    /// - Throws: `Problem` if it is another kind of file.
    init(contentsOf url: URL) throws {
        let bytes = [UInt8](try Data(contentsOf: url))
        func number(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        func name(_ offset: Int) -> String { String(decoding: bytes[offset..<offset + 4], as: UTF8.self) }
        guard bytes.count >= 12, name(0) == "RIFF", name(8) == "WAVE" else {
            throw Problem("\(url.path) is no .wav file")
        }
        var rate: Int?
        var position = 12
        while position + 8 <= bytes.count {
            let start = position + 8
            let count = min(number(position + 4, 4), bytes.count - start)
            if name(position) == "fmt ", count >= 16 {
                guard number(start, 2) == 1, number(start + 2, 2) == 1, number(start + 14, 2) == 16 else {
                    throw Problem("\(url.path) has not one channel of 16-bit integers")
                }
                rate = number(start + 4, 4)
            } else if name(position) == "data", let rate {
                self.rate = rate
                samples = (0..<count / 2).map { index in
                    Float(Int16(truncatingIfNeeded: number(start + 2 * index, 2))) / 32768
                }
                return
            }
            position = start + count + count % 2
        }
        throw Problem("\(url.path) holds no samples")
    }
}
