/// Arithmetic on `Int` that never traps: what leaves the range sticks to the nearer end.
extension Int {
    func addingSaturated(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        guard overflow else { return sum }
        return other < 0 ? .min : .max
    }

    func multipliedSaturated(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        guard overflow else { return product }
        return (self < 0) == (other < 0) ? .max : .min
    }

    func negatedSaturated() -> Int { self == .min ? .max : -self }

    /// Quotient rounded down; `divisor` must not be 0.
    func floorQuotient(_ divisor: Int) -> Int {
        if divisor == -1 { return negatedSaturated() }
        let quotient = self / divisor
        let isInexact = quotient &* divisor != self
        return isInexact && (self < 0) != (divisor < 0) ? quotient - 1 : quotient
    }

    /// Remainder of the division rounded down, with the sign of `divisor`, which must not be 0.
    func floorRemainder(_ divisor: Int) -> Int {
        if divisor == -1 { return 0 }
        let remainder = self % divisor
        return remainder != 0 && (remainder < 0) != (divisor < 0) ? remainder + divisor : remainder
    }
}

/// Greatest common divisor by Euclid; gcd(0, x) = |x|.
func greatestCommonDivisor(_ a: UInt, _ b: UInt) -> UInt {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}
