/// Pseudo-random numbers that are the same in every run, for what tests choose at random.
///
/// The generator is SplitMix64: G. L. Steele, D. Lea and C. H. Flood, "Fast Splittable Pseudorandom Number Generators",
/// OOPSLA 2014, with the mixing constants that its authors took for Java's `SplittableRandom`.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts the sequence of `seed`.
    package init(seed: UInt64) { state = seed }

    /// The next 64 bits.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number in `range`, by remainder: the same with every version of Swift, which `Int.random(in:using:)` does not
    /// promise. The bias is below the width of the range divided by 2^64.
    package mutating func int(_ range: ClosedRange<Int>) -> Int {
        let last = UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound))
        let offset = last == .max ? next() : next() % (last + 1)
        return range.lowerBound &+ Int(truncatingIfNeeded: offset)
    }

    /// A number in `range`, which must not be empty.
    package mutating func int(_ range: Range<Int>) -> Int { int(ClosedRange(range)) }
}
