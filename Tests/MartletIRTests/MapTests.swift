import Glibc
import MartletCore
import MartletIR
import TestSupport
import Testing

/// Scalar functions against formulas in double precision and in wide integers.
@Suite struct MapTests {
    static let floats: [ElementType] = [.float16, .bfloat16, .float32, .float64]
    static let special: [Double] = [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, 7.25, -100, 1e-3, 300, 65504, 1e-7, .infinity, -.infinity, .nan,
    ]

    private static func rounded(_ values: [Double], _ type: ElementType) throws -> [Double] {
        try HostTensor.fromDoubles(values, as: type, shape: [values.count]).doubles()
    }

    private func expectEqual(_ result: [Double], _ expected: [Double], signs: Bool = true, _ what: String) {
        for (number, (a, b)) in zip(result, expected).enumerated() {
            let same = a == b && (!signs || a.sign == b.sign) || a.isNaN && b.isNaN
            #expect(same, "\(what) at \(number): \(a), expected \(b)")
        }
    }

    static let unary: [(ScalarOp, @Sendable (Double) -> Double)] = [
        (.neg, { -$0 }), (.abs, { abs($0) }), (.sign, { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }),
        (.floor, { floor($0) }), (.ceil, { ceil($0) }), (.trunc, { trunc($0) }), (.round, { rint($0) }),
        (.sqrt, { sqrt($0) }), (.exp, { exp($0) }), (.expm1, { expm1($0) }), (.log, { log($0) }),
        (.log1p, { log1p($0) }), (.sin, { sin($0) }), (.cos, { cos($0) }), (.tanh, { tanh($0) }), (.erf, { erf($0) }),
    ]

    @Test(arguments: floats) func unaryFunctionsRoundOnce(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 11)
        let numbers = try samples.numbers(type, [200], -20...20).doubles() + Self.rounded(Self.special, type)
        let x = try HostTensor.fromDoubles(numbers, as: type, shape: [numbers.count])
        for (function, formula) in Self.unary {
            let result = try evaluated(Map(function), [x], checkingForm: false)
            #expect(result.type == type)
            let expected = try Self.rounded(numbers.map(formula), type)
            expectEqual(try result.doubles(), expected, "\(function) of \(type)")
        }
    }

    static let binary: [(ScalarOp, @Sendable (Double, Double) -> Double)] = [
        (.add, { $0 + $1 }), (.sub, { $0 - $1 }), (.mul, { $0 * $1 }), (.div, { $0 / $1 }),
        (.rem, { fmod($0, $1) }), (.pow, { pow($0, $1) }), (.atan2, { atan2($0, $1) }),
        (.max, { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }),
        (.min, { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }),
    ]

    /// All pairs of special values and random ones, with either operand 0-d too.
    @Test(arguments: floats) func binaryFunctionsRoundOnce(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 12)
        let line = try Self.rounded(Self.special, type) + samples.numbers(type, [20], -9...9).doubles()
        let (a, b) = (line.flatMap { value in line.map { _ in value } }, line.flatMap { _ in line })
        let x = try HostTensor.fromDoubles(a, as: type, shape: [a.count])
        let y = try HostTensor.fromDoubles(b, as: type, shape: [b.count])
        let scalar = try HostTensor.fromDoubles([2.5], as: type, shape: [])
        for (function, formula) in Self.binary {
            let isExtremum = function == .max || function == .min
            let result = try evaluated(Map(function), [x, y], checkingForm: false).doubles()
            expectEqual(result, try Self.rounded(zip(a, b).map(formula), type), signs: !isExtremum, "\(function)")
            let right = try evaluated(Map(function), [x, scalar], checkingForm: false).doubles()
            expectEqual(right, try Self.rounded(a.map { formula($0, 2.5) }, type), signs: !isExtremum, "\(function)")
            let left = try evaluated(Map(function), [scalar, y], checkingForm: false).doubles()
            expectEqual(left, try Self.rounded(b.map { formula(2.5, $0) }, type), signs: !isExtremum, "\(function)")
        }
    }

    static let integers: [ElementType] = [
        .int2, .int4, .int8, .int16, .int32, .int64, .uint2, .uint4, .uint8, .uint16, .uint32, .uint64,
    ]

    /// What a function gives before wrapping, in 128 bits; nil where this test has no formula.
    private func exact(_ function: ScalarOp, _ a: Int128, _ b: Int128, _ type: ElementType) -> Int128? {
        let isShift = b >= 0 && b < Int128(type.bitWidth)
        switch function {
        case .add: return a + b
        case .sub: return a - b
        case .mul: return a &* b
        case .div: return b == 0 ? 0 : a / b
        case .rem: return b == 0 ? 0 : a % b
        case .max: return Swift.max(a, b)
        case .min: return Swift.min(a, b)
        case .and: return a & b
        case .or: return a | b
        case .xor: return a ^ b
        case .shl: return isShift ? a << b : 0
        case .shr: return isShift ? a >> b : a < 0 ? -1 : 0
        default: return nil
        }
    }

    private func wide(_ tensor: HostTensor) throws -> [Int128] {
        try tensor.ints().map { tensor.type == .uint64 ? Int128(UInt64(bitPattern: $0)) : Int128($0) }
    }

    @Test(arguments: integers) func integersWrap(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 13)
        let edges: [Int64] = [0, 1, 2, 3, 7, 8, 9, 31, 32, 63, 64, -1, -2, -3, -8, 127, -128, .max, .min, .min + 1]
        let random = (0..<20).map { _ in Int64(bitPattern: samples.next()) }
        let line = edges + random
        let x = try HostTensor.fromInts(line.flatMap { a in line.map { _ in a } }, as: type, shape: [1600])
        let y = try HostTensor.fromInts(line.flatMap { _ in line }, as: type, shape: [1600])
        let (a, b) = (try wide(x), try wide(y))
        let functions: [ScalarOp] = [.add, .sub, .mul, .div, .rem, .max, .min, .and, .or, .xor, .shl, .shr]
        for function in functions {
            let result = try evaluated(Map(function), [x, y], checkingForm: false)
            let values = zip(a, b).map { exact(function, $0, $1, type) ?? 0 }
            let expected = try HostTensor.fromInts(
                values.map { Int64(truncatingIfNeeded: $0) }, as: type, shape: [1600])
            #expect(result.isIdentical(to: expected), "\(function) of \(type)")
        }
        let comparisons: [(ScalarOp, (Int128, Int128) -> Bool)] = [
            (.eq, { $0 == $1 }), (.ne, { $0 != $1 }), (.lt, { $0 < $1 }), (.le, { $0 <= $1 }), (.gt, { $0 > $1 }),
            (.ge, { $0 >= $1 }),
        ]
        for (function, formula) in comparisons {
            let result = try evaluated(Map(function), [x, y], checkingForm: false)
            #expect(try result.array(of: Bool.self) == zip(a, b).map(formula), "\(function) of \(type)")
        }
    }

    @Test func integerPowersAndSigns() throws {
        let base = try HostTensor([2, -1, -1, 1, 3, 0, 0, 5, -2] as [Int8], shape: [9])
        let exponent = try HostTensor([9, 3, -3, -4, 5, 0, -1, -1, 7] as [Int8], shape: [9])
        let power = try evaluated(Map(.pow), [base, exponent])
        #expect(try power.ints() == [0, -1, -1, 1, -13, 1, 0, 0, -128])
        let edges = try HostTensor([-128, 0, 127, -1] as [Int8], shape: [4])
        #expect(try evaluated(Map(.neg), [edges]).ints() == [-128, 0, -127, 1])
        #expect(try evaluated(Map(.abs), [edges]).ints() == [-128, 0, 127, 1])
        #expect(try evaluated(Map(.sign), [edges]).ints() == [-1, 0, 1, -1])
        #expect(try evaluated(Map(.not), [edges]).ints() == [127, -1, -128, 0])
        let shifted = try evaluated(Map(.shr), [edges, HostTensor(scalar: Int8(-1))])
        #expect(try shifted.ints() == [-1, 0, 0, -1])
    }

    @Test func floatComparisonsTreatNaNAsUnordered() throws {
        let x = try HostTensor([.nan, 0, -0.0, 1] as [Float], shape: [4])
        let y = try HostTensor([.nan, -0.0, 0, 2] as [Float], shape: [4])
        let expected: [(ScalarOp, [Bool])] = [
            (.eq, [false, true, true, false]), (.ne, [true, false, false, true]), (.lt, [false, false, false, true]),
            (.le, [false, true, true, true]), (.gt, [false, false, false, false]), (.ge, [false, true, true, false]),
        ]
        for (function, values) in expected {
            #expect(try evaluated(Map(function), [x, y]).array(of: Bool.self) == values, "\(function)")
        }
    }

    @Test func truthValues() throws {
        let x = try HostTensor([false, false, true, true], shape: [4])
        let y = try HostTensor([false, true, false, true], shape: [4])
        let expected: [(ScalarOp, [Bool])] = [
            (.and, [false, false, false, true]), (.or, [false, true, true, true]), (.xor, [false, true, true, false]),
            (.max, [false, true, true, true]), (.min, [false, false, false, true]), (.lt, [false, true, false, false]),
        ]
        for (function, values) in expected {
            #expect(try evaluated(Map(function), [x, y]).array(of: Bool.self) == values, "\(function)")
        }
        #expect(try evaluated(Map(.not), [x]).array(of: Bool.self) == [true, true, false, false])
        #expect(throws: Diagnostic.self) { try evaluated(Map(.add), [x, y]) }
    }

    @Test(arguments: ViewTests.types) func selectPicksBits(_ type: ElementType) throws {
        var samples = SplitMix64(seed: 14)
        let condition = try samples.bits(.bool, [3, 5])
        for (left, right) in [([3, 5], [3, 5]), ([], [3, 5]), ([3, 5], []), ([], [])] as [([Int], [Int])] {
            let (x, y) = (try samples.bits(type, left), try samples.bits(type, right))
            let result = try evaluated(Map(.select), [condition, x, y])
            for index in indices(of: [3, 5]) {
                let isTrue = condition.elementBits(at: position(index, in: [3, 5])) != 0
                let source = isTrue ? x : y
                #expect(element(result, index) == element(source, source.shape.isEmpty ? [] : index))
            }
        }
    }

    @Test func stringsCompare() throws {
        let x = try HostTensor(strings: ["a", "b", "c"], shape: [3])
        let y = try HostTensor(strings: ["b"], shape: [])
        #expect(try evaluated(Map(.eq), [x, y]).array(of: Bool.self) == [false, true, false])
        #expect(try evaluated(Map(.ne), [x, y]).array(of: Bool.self) == [true, false, true])
        #expect(throws: Diagnostic.self) { try evaluated(Map(.lt), [x, y]) }
    }

    @Test func emptyAndScalarOperands() throws {
        let empty = try HostTensor(zeros: .float32, shape: [0, 3])
        let two = HostTensor(scalar: Float(2))
        #expect(try evaluated(Map(.add), [empty, two]).shape == [0, 3])
        #expect(try evaluated(Map(.add), [two, empty]).shape == [0, 3])
        #expect(try evaluated(Map(.exp), [empty]).shape == [0, 3])
        let sum = try evaluated(Map(.add), [two, two])
        #expect(sum.shape == [])
        #expect(try sum.doubles() == [4])
        let other = try HostTensor(zeros: .float32, shape: [0, 4])
        #expect(throws: Diagnostic.self) { try evaluated(Map(.add), [empty, other]) }
    }

    /// float8 and smaller compute exactly and round once.
    @Test(arguments: [ElementType.float8e4m3fn, .float8e5m2, .float6e2m3, .float4e2m1])
    func narrowFloatsRoundOnce(_ type: ElementType) throws {
        let codes = (0..<1 << type.bitWidth).map { Int64($0) }
        let unsigned: ElementType = type.bitWidth == 8 ? .uint8 : .uint4
        guard type.bitWidth != 6 else { return }
        let all = try HostTensor.fromInts(codes, as: unsigned, shape: [codes.count])
        let x = try evaluated(Map(.bitcast, to: type), [all])
        let values = try x.doubles()
        let y = try HostTensor.fromDoubles([1.5], as: type, shape: [])
        let product = try evaluated(Map(.mul), [x, y]).doubles()
        let expected = try Self.rounded(values.map { $0 * 1.5 }, type)
        expectEqual(product, expected, "mul of \(type)")
    }
}
