import Foundation

/// Draws the probability of speech over time.
struct SpeechChart {
    let probabilities: [Float]
    /// Length of the sound in seconds.
    let seconds: Double

    /// Lines for a terminal: a bar of eighths for each column, four rows high, and the time below.
    func lines(columns: Int = 90, rows: Int = 4) -> [String] {
        let levels = (0..<columns).map { column -> Int in
            let first = column * probabilities.count / columns
            let last = max((column + 1) * probabilities.count / columns, first + 1)
            let top = probabilities[first..<min(last, probabilities.count)].max() ?? 0
            return Int((top * Float(rows * 8)).rounded())
        }
        let marks = Array(" ▁▂▃▄▅▆▇█")
        var lines = (0..<rows).reversed().map { row in
            "  |" + String(levels.map { marks[max(0, min(8, $0 - row * 8))] })
        }
        let end = String(format: "%.1f s", seconds)
        lines.append("  0 s" + String(repeating: " ", count: columns - 2 - end.count) + end)
        return lines
    }

    /// The same as an SVG picture, with the detected segments shaded.
    func svg(segments: [ClosedRange<Double>]) -> String {
        let (width, height) = (900.0, 160.0)
        func x(_ time: Double) -> String { String(format: "%.1f", time / seconds * width) }
        let points = probabilities.enumerated().map { index, value in
            let time = (Double(index) + 0.5) / Double(probabilities.count) * seconds
            return "\(x(time)),\(String(format: "%.1f", height - Double(value) * (height - 20)))"
        }
        let shades = segments.map { segment in
            "<rect x=\"\(x(segment.lowerBound))\" y=\"0\" width=\"\(x(segment.upperBound - segment.lowerBound))\" "
                + "height=\"\(height)\" fill=\"#cfe8cf\"/>"
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height + 20)" font-family="sans-serif">
            \(shades.joined(separator: "\n"))
            <polyline fill="none" stroke="#1f5fa8" stroke-width="1.5" points="\(points.joined(separator: " "))"/>
            <text x="2" y="\(height + 15)" font-size="12">0 s, probability of speech</text>
            <text x="\(width - 50)" y="\(height + 15)" font-size="12">\(String(format: "%.1f", seconds)) s</text>
            </svg>

            """
    }
}
