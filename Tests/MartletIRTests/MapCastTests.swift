import MartletCore
import MartletIR
import TestSupport
import Testing

/// Conversions between element types.
@Suite struct MapCastTests {
    private func cast(_ x: HostTensor, _ type: ElementType) throws -> HostTensor {
        try evaluated(Map(.cast, to: type), [x], checkingForm: false)
    }

    @Test func floatToIntegerOutOfRangeIsAsOnX86() throws {
        let values = [300, -1, 1e10, -1e10, .nan, .infinity, 2_147_483_647.5, -2_147_483_648.5, 1e19, 3e9, -3e9]
        let x = try HostTensor(values as [Double], shape: [11])
        let low = Int64(Int32.min)
        #expect(try cast(x, .uint8).ints() == [44, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0])
        #expect(try cast(x, .int16).ints() == [300, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0])
        #expect(
            try cast(x, .int32).ints() == [300, -1, low, low, low, low, 2_147_483_647, low, low, low, low])
        #expect(
            try cast(x, .uint32).ints() == [
                300, 4_294_967_295, 1_410_065_408, 2_884_901_888, 0, 0, 2_147_483_647, 2_147_483_648, 0, 3_000_000_000,
                1_294_967_296,
            ])
        let wide = try cast(x, .int64).ints()
        #expect(wide.prefix(4) == [300, -1, 10_000_000_000, -10_000_000_000])
        #expect(wide[4...5] == [.min, .min])
        #expect(wide[8] == .min)
        #expect(UInt64(bitPattern: try cast(x, .uint64).ints()[8]) == 10_000_000_000_000_000_000)
    }

    @Test func truncationIsTowardZero() throws {
        let x = try HostTensor([1.9, -1.9, 0.5, -0.5, 7.99] as [Float], shape: [5])
        let signed: [ElementType] = [.int4, .int8, .int16, .int32, .int64]
        for type in signed { #expect(try cast(x, type).ints() == [1, -1, 0, 0, 7]) }
        #expect(try cast(x, .bool).ints() == [1, 1, 1, 1, 1])
        let zeros = try HostTensor([0, -0.0, .nan] as [Float], shape: [3])
        #expect(try cast(zeros, .bool).ints() == [0, 0, 1])
    }

    @Test(arguments: MapTests.integers) func integersKeepLowBits(_ source: ElementType) throws {
        var samples = SplitMix64(seed: 21)
        let values = (0..<100).map { _ in Int64(bitPattern: samples.next()) }
        let x = try HostTensor.fromInts(values, as: source, shape: [100])
        let own = try x.ints()
        for target in MapTests.integers {
            let expected = try HostTensor.fromInts(own, as: target, shape: [100])
            #expect(try cast(x, target).isIdentical(to: expected), "\(source) to \(target)")
        }
        #expect(try cast(x, .bool).ints() == own.map { $0 == 0 ? 0 : 1 })
    }

    /// Values just above and below ties, which rounding by way of double would take for ties.
    @Test func largeIntegersRoundOnce() throws {
        let tie: Int64 = 1 << 62 | 1 << 38
        let x = try HostTensor([tie, tie + 1, tie - 1, -tie - 1, .max, .min], shape: [6])
        let expected = [tie, tie + 1, tie - 1, -tie - 1, .max, .min].map { Double(Float($0)) }
        #expect(try cast(x, .float32).doubles() == expected)
        let short: Int64 = 1 << 62 | 1 << 54
        let y = try HostTensor([short, short + 1, short - 1], shape: [3])
        let down = Double(sign: .plus, exponent: 62, significand: 1)
        let up = down + Double(sign: .plus, exponent: 55, significand: 1)
        #expect(try cast(y, .bfloat16).doubles() == [down, up, down])
        let unsigned = try HostTensor([UInt64.max, 1 << 63], shape: [2])
        #expect(try cast(unsigned, .float64).doubles() == [0x1p64, 0x1p63])
        #expect(try cast(unsigned, .float32).doubles() == [0x1p64, 0x1p63])
    }

    /// Every pair of floating-point types rounds as one rounding of the exact value does.
    @Test func floatsRoundOnce() throws {
        let types: [ElementType] = [
            .float64, .float32, .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
            .float8e8m0, .float6e2m3, .float6e3m2, .float4e2m1,
        ]
        var samples = SplitMix64(seed: 22)
        for source in types {
            let x = try samples.bits(source, [500])
            for target in types where target != source {
                let expected = try HostTensor.fromDoubles(try x.doubles(), as: target, shape: [500])
                #expect(try sameValues(cast(x, target), expected), "\(source) to \(target)")
            }
        }
    }

    @Test func castToTheSameTypeSharesStorage() throws {
        let x = try HostTensor([1, 2] as [Float], shape: [2])
        #expect(try cast(x, .float32).storage === x.storage)
    }

    @Test func bitcastKeepsBits() throws {
        let x = try HostTensor([1, -2] as [Float], shape: [2])
        let bits = try evaluated(Map(.bitcast, to: .uint32), [x])
        #expect(try bits.ints() == [0x3F80_0000, 0xC000_0000])
        #expect(throws: Diagnostic.self) { try evaluated(Map(.bitcast, to: .uint64), [x]) }
    }

    @Test func complexAndStringsAreRefused() throws {
        let x = try HostTensor(zeros: .complex64, shape: [2])
        let y = try HostTensor(strings: ["1"], shape: [1])
        #expect(throws: Diagnostic.self) { try cast(x, .float32) }
        #expect(throws: Diagnostic.self) { try cast(y, .float32) }
        #expect(throws: Diagnostic.self) { try cast(try HostTensor([1] as [Float], shape: [1]), .string) }
    }
}
