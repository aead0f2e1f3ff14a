/// Words and tables for people.
enum Text {
    /// A number with so many digits behind the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let factor = (0..<max(digits, 0)).reduce(1.0) { product, _ in product * 10 }
        let scaled = Int((abs(value) * factor).rounded())
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int(factor))
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(rest)
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// A count of bytes with a unit.
    static func bytes(_ count: Int) -> String {
        let units: [(Double, String)] = [(0x1p30, "GiB"), (0x1p20, "MiB"), (0x1p10, "KiB")]
        for (size, unit) in units where Double(count) >= size { return "\(fixed(Double(count) / size, 1)) \(unit)" }
        return "\(count) B"
    }

    /// Rows with columns as wide as their widest cell; numbers of columns in `right` stand to the right.
    static func table(_ rows: [[String]], right: Set<Int> = []) -> String {
        let widths = rows.reduce(into: [Int]()) { widths, row in
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return right.contains(column) ? blanks + cell : cell + blanks
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    /// `1 run`, `2 runs`.
    static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
