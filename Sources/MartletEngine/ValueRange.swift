package import MartletCore

/// Arithmetic on ranges of values; the ends of `Int64` stand for no bound. Sound, not always tight.
package enum ValueRange {
    /// Nothing is known.
    package static let all = Int64.min...Int64.max

    /// The range of an operation's results.
    package static func apply(
        _ op: ExprProgram.Op, _ a: ClosedRange<Int64>, _ b: ClosedRange<Int64>
    ) -> ClosedRange<Int64> {
        switch op {
        case .constant, .symbol: all
        case .add: add(a.lowerBound, b.lowerBound, .min)...add(a.upperBound, b.upperBound, .max)
        case .multiply: corners(a, b, multiply)
        case .floorDivide: floorDivide(a, b)
        case .modulo: modulo(a, b)
        case .minimum: min(a.lowerBound, b.lowerBound)...min(a.upperBound, b.upperBound)
        case .maximum: max(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
        }
    }

    /// What is left of the range of a symbol that does not exceed a value of the range `limit`.
    package static func limited(_ range: ClosedRange<Int64>, by limit: ClosedRange<Int64>?) -> ClosedRange<Int64> {
        guard let limit else { return range }
        return range.lowerBound...max(range.lowerBound, min(range.upperBound, limit.upperBound))
    }

    private static func isInfinite(_ end: Int64) -> Bool { end == .min || end == .max }

    /// The sum of two ends of the same side, of which an infinite one wins.
    private static func add(_ a: Int64, _ b: Int64, _ infinity: Int64) -> Int64 {
        if a == infinity || b == infinity { return infinity }
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? (a < 0 ? .min : .max) : sum
    }

    private static func multiply(_ a: Int64, _ b: Int64) -> Int64 {
        if a == 0 || b == 0 { return 0 }
        let (product, overflow) = a.multipliedReportingOverflow(by: b)
        if overflow || isInfinite(a) || isInfinite(b) { return (a < 0) == (b < 0) ? .max : .min }
        return product
    }

    private static func corners(
        _ a: ClosedRange<Int64>, _ b: ClosedRange<Int64>, _ operation: (Int64, Int64) -> Int64
    ) -> ClosedRange<Int64> {
        let first = operation(a.lowerBound, b.lowerBound)
        let second = operation(a.lowerBound, b.upperBound)
        let third = operation(a.upperBound, b.lowerBound)
        let fourth = operation(a.upperBound, b.upperBound)
        return min(first, second, third, fourth)...max(first, second, third, fourth)
    }

    /// Of divisors that may be negative nothing is said, as compilers make none; with 0 there is no quotient.
    private static func floorDivide(_ a: ClosedRange<Int64>, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
        guard b.lowerBound >= 0, b.upperBound > 0 else { return all }
        return corners(a, max(b.lowerBound, 1)...b.upperBound) { value, divisor in
            if isInfinite(value) { return value }
            if divisor == .max { return value < 0 ? -1 : 0 }
            let quotient = value / divisor
            return value % divisor < 0 ? quotient - 1 : quotient
        }
    }

    private static func modulo(_ a: ClosedRange<Int64>, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
        guard b.lowerBound > 0 else { return all }
        if a.lowerBound >= 0, a.upperBound < b.lowerBound { return a }
        let limit = b.upperBound == .max ? .max : b.upperBound - 1
        return 0...(a.lowerBound >= 0 ? min(limit, a.upperBound) : limit)
    }
}
