import TestSupport
import Testing

/// What tests choose at random is the same in every run and on every machine.
@Suite struct SplitMix64Tests {
    /// The first numbers of seed 1234567, as S. Vigna's splitmix64.c gives them.
    @Test func numbersAreThoseOfTheAlgorithm() {
        var random = SplitMix64(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in random.next() } == expected)
    }

    @Test func rangesAreFilledAndKept() {
        var random = SplitMix64(seed: 1)
        #expect(Set((0..<200).map { _ in random.int(-3...3) }) == Set(-3...3))
        #expect(Set((0..<200).map { _ in random.int(5..<8) }) == Set(5..<8))
        let wide = (0..<200).map { _ in random.int(Int.min...Int.max) }
        #expect(wide.contains { $0 < 0 } && wide.contains { $0 > 0 })
    }
}
