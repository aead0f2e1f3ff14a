@testable import MartletCore
import Testing

@Suite struct FloatFormatTests {
    static let types = ElementType.allCases.filter { $0.floatFormat != nil }
    static let signedTypes = types.filter { $0 != .float8e8m0 }

    @Test(arguments: types)
    func everyCodeSurvives(_ type: ElementType) throws {
        let format = try #require(type.floatFormat)
        var wrong: [UInt16] = []
        for code in 0..<UInt32(1) << UInt32(format.bitWidth) {
            let code = UInt16(code)
            let value = format.decode(code)
            let again = format.encode(value, saturate: false)
            let isRight = value.isNaN ? format.decode(again).isNaN : again == code
            if !isRight { wrong.append(code) }
        }
        #expect(wrong.isEmpty)
    }

    @Test(arguments: types)
    func valuesIncreaseWithTheCode(_ type: ElementType) throws {
        let format = try #require(type.floatFormat)
        let values = (0...format.highestFiniteCode).map { format.decode($0) }
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
        #expect(values.last == type.highestFinite)
        #expect(values.first == (format.isSigned ? 0 : 0x1p-127))
    }

    /// Between each two neighbours: the middle goes to the even code, everything beside it to the nearer one.
    @Test(arguments: signedTypes)
    func roundsToNearestEven(_ type: ElementType) throws {
        let format = try #require(type.floatFormat)
        var wrong: [UInt16] = []
        for code in 0..<format.highestFiniteCode {
            let middle = (format.decode(code) + format.decode(code + 1)) / 2
            let even = code & 1 == 0 ? code : code + 1
            let results = [middle.nextDown, middle, middle.nextUp].map { format.encode($0, saturate: false) }
            let negative = format.encode(-middle, saturate: false)
            let isZeroWithoutSign = even == 0 && format.special == .negativeZeroNaN
            let expected = isZeroWithoutSign ? 0 : even | format.signMask
            if results != [code, even, code + 1] || negative != expected { wrong.append(code) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func highestValuesOfThePapers() {
        let expected: [(ElementType, Double, Double)] = [
            (.float8e4m3fn, 448, 0x1p-9), (.float8e4m3fnuz, 240, 0x1p-10), (.float8e5m2, 57344, 0x1p-16),
            (.float8e5m2fnuz, 57344, 0x1p-17), (.float8e8m0, 0x1p127, 0x1p-126), (.float6e2m3, 7.5, 0.125),
            (.float6e3m2, 28, 0.0625), (.float4e2m1, 6, 0.5), (.float16, 65504, 0x1p-24),
        ]
        for (type, highest, second) in expected {
            #expect(type.highestFinite == highest, "\(type)")
            #expect(decodeFloat(1, as: type) == second, "\(type)")
        }
    }

    @Test func float16AgreesWithSwift() {
        var wrong = 0
        for bits in UInt16.min...UInt16.max {
            let value = Double(Float16(bitPattern: bits))
            let ours = FloatFormat.float16.decode(bits)
            if ours.bitPattern != value.bitPattern && !(ours.isNaN && value.isNaN) { wrong += 1 }
            for near in [value.nextUp, value.nextDown, value * (1 + 0x1p-11), value * 1.3, value * 0x1p-14 + 0x1p-60] {
                let code = FloatFormat.float16.encode(near, saturate: false)
                if !near.isNaN && code != Float16(near).bitPattern { wrong += 1 }
            }
        }
        #expect(wrong == 0)
    }

    @Test func bfloat16AgreesWithTheGenericRoutine() {
        var wrong = 0
        for bits in UInt16.min...UInt16.max {
            let value = Double(BFloat16(bitPattern: bits))
            let ours = FloatFormat.bfloat16.decode(bits)
            if ours.bitPattern != value.bitPattern && !(ours.isNaN && value.isNaN) { wrong += 1 }
            let middle = Double(Float(bitPattern: UInt32(bits) << 16 | 0x8000))
            for near in [value, middle, middle.nextUp, middle.nextDown, value * 1.3] where !near.isNaN {
                let code = FloatFormat.bfloat16.encode(near, saturate: false)
                if code != BFloat16(near).bitPattern { wrong += 1 }
            }
        }
        #expect(wrong == 0)
    }

    /// A value a little above the middle of two numbers, which rounding to Float first would put on it.
    @Test func roundsOnce() {
        let half = 1 + 0x1p-11 + 0x1p-40
        #expect(FloatFormat.float16.encode(half, saturate: false) == Float16(1).bitPattern + 1)
        #expect(Float16(half).bitPattern == Float16(1).bitPattern + 1)
        #expect(BFloat16(1 + 0x1p-8 + 0x1p-40).bitPattern == 0x3F81)
        #expect(BFloat16(1 + 0x1p-8 - 0x1p-40).bitPattern == 0x3F80)
        #expect(BFloat16(Double.greatestFiniteMagnitude).bitPattern == 0x7F80)
        #expect(BFloat16(Float.nan) != BFloat16(Float.nan))
        #expect(Float(BFloat16(Float(bitPattern: 0x7F80_0001))).isNaN)
    }
}

/// The tables of ONNX's Cast operator.
@Suite struct CastTableTests {
    @Test func saturating() {
        let kinds: [(ElementType, UInt16)] = [
            (.float8e4m3fn, 0x7E), (.float8e4m3fnuz, 0x7F), (.float8e5m2, 0x7B), (.float8e5m2fnuz, 0x7F),
        ]
        for (type, highest) in kinds {
            for value in [Double.infinity, 1e6, 1e300] {
                #expect(encodeFloat(value, as: type, saturate: true) == highest)
                #expect(encodeFloat(-value, as: type, saturate: true) == highest | 0x80)
            }
            #expect(decodeFloat(encodeFloat(.nan, as: type, saturate: true), as: type).isNaN)
        }
    }

    @Test func notSaturating() {
        let rows: [(Double, [UInt16])] = [
            (0, [0, 0, 0, 0]), (-0.0, [0x80, 0, 0x80, 0]),
            (.nan, [0x7F, 0x80, 0x7E, 0x80]), (-.nan, [0xFF, 0x80, 0xFE, 0x80]),
            (.infinity, [0x7F, 0x80, 0x7C, 0x80]), (-.infinity, [0xFF, 0x80, 0xFC, 0x80]),
            (1e6, [0x7F, 0x80, 0x7C, 0x80]), (-1e6, [0xFF, 0x80, 0xFC, 0x80]),
        ]
        let types: [ElementType] = [.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz]
        for (value, codes) in rows {
            for (type, code) in zip(types, codes) {
                #expect(encodeFloat(value, as: type, saturate: false) == code, "\(value) as \(type)")
            }
        }
    }

    /// The value rounded as if the range had no end is what is compared with the highest.
    @Test func overflowIsDecidedAfterRounding() {
        #expect(encodeFloat(464, as: .float8e4m3fn, saturate: false) == 0x7E)
        #expect(encodeFloat(464.1, as: .float8e4m3fn, saturate: false) == 0x7F)
        #expect(encodeFloat(65519, as: .float16, saturate: false) == 0x7BFF)
        #expect(encodeFloat(65520, as: .float16, saturate: false) == 0x7C00)
    }

    /// The data of ONNX's case test_cast_FLOAT_to_FLOAT4E2M1.
    @Test func float4() {
        let values: [Double] = [
            0.48, 0.25, 1.05, -3.5, -8, 9, 1_000_000, 1e-7, .nan, .infinity, .infinity, -.infinity, -4, 0.01, -0.0,
        ]
        let codes: [UInt16] = [1, 0, 2, 0xE, 0xF, 7, 7, 0, 8, 7, 7, 0xF, 0xE, 0, 8]
        #expect(values.map { encodeFloat($0, as: .float4e2m1, saturate: true) } == codes)
    }

    /// The data of ONNX's case test_cast_e8m0_FLOAT_to_FLOAT8E8M0, and the table's special values.
    @Test func powersOfTwo() {
        let format = FloatFormat.float8e8m0
        let values: [Double] = [0, 0.124, 0.25, 0.5, 1.1, 2, 4, 8]
        #expect(
            values.map { format.encode($0, saturate: true, power: .up) }
                == [0, 0x7C, 0x7D, 0x7E, 0x80, 0x80, 0x81, 0x82])
        #expect([1.4, 1.5, 1.6].map { format.encode($0, saturate: true) } == [0x7F, 0x80, 0x80])
        #expect([1.4, 1.5, 1.6].map { format.encode($0, saturate: true, power: .down) } == [0x7F, 0x7F, 0x7F])
        let extremes: [Double] = [0, .nan, .infinity, 1e300, 1e-300]
        #expect(extremes.map { format.encode($0, saturate: true, power: .up) } == [0, 0xFF, 0xFE, 0xFE, 0])
        #expect(extremes.map { format.encode($0, saturate: false) } == [0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    }
}
