import MartletCore
import Testing

@Suite struct HostTensorTests {
    static let numericTypes = ElementType.allCases.filter { !$0.isComplex && $0 != .string }

    @Test func arraysComeBack() throws {
        let tensor = try HostTensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(tensor.description == "f32[2,3]" && tensor.count == 6 && tensor.byteCount == 24)
        #expect(try tensor.array(of: Float.self) == [1, 2, 3, 4, 5, 6])
        #expect(try HostTensor([true, false], shape: [2]).array(of: Bool.self) == [true, false])
        #expect(try HostTensor([-1, 7], shape: [2]).array(of: Int64.self) == [-1, 7])
        #expect(try HostTensor(scalar: BFloat16(1.5 as Float)).doubles() == [1.5])
        #expect(throws: Diagnostic.self) { try tensor.array(of: Double.self) }
        #expect(throws: Diagnostic.self) { try HostTensor([1, 2, 3] as [Float], shape: [2]) }
    }

    @Test func storageIsAligned() throws {
        for count in [0, 1, 100] {
            let tensor = try HostTensor(zeros: .float32, shape: [count])
            tensor.withUnsafeBytes { #expect(UInt(bitPattern: $0.baseAddress) % 64 == 0) }
        }
    }

    @Test func badShapesAreRefused() throws {
        for shape in [[-1], [Int.max, 2], [Int.max, Int.max, 0], [1 << 62, 1 << 61]] {
            #expect(throws: Diagnostic.self) { try HostTensor(zeros: .float32, shape: shape) }
            #expect(throws: Diagnostic.self) { try HostTensor(zeros: .string, shape: shape) }
        }
        #expect(try HostTensor(zeros: .float32, shape: [3, 0]).count == 0)
    }

    @Test func storageBoundsAreChecked() throws {
        let storage = try TensorStorage(byteCount: 12) { $0.copyBytes(from: 0..<12) }
        let tail = try HostTensor(type: .uint16, shape: [5], storage: storage, byteOffset: 1)
        #expect(try tail.ints().first == 0x0201)
        for offset in [-1, 3, Int.max] {
            #expect(throws: Diagnostic.self) {
                try HostTensor(type: .uint16, shape: [5], storage: storage, byteOffset: offset)
            }
        }
        #expect(throws: Diagnostic.self) { try HostTensor(type: .string, shape: [1], storage: storage) }
    }

    @Test func strings() throws {
        let tensor = try HostTensor(strings: ["a", "βγ"], shape: [2, 1])
        #expect(tensor.strings == ["a", "βγ"])
        #expect(try tensor.reshaped([2]).isIdentical(to: HostTensor(strings: ["a", "βγ"], shape: [2])))
        #expect(throws: Diagnostic.self) { try tensor.doubles() }
        #expect(throws: Diagnostic.self) { try HostTensor(strings: ["a"], shape: [2]) }
    }

    @Test func reshapingSharesStorage() throws {
        let tensor = try HostTensor([1, 2, 3, 4] as [Int32], shape: [4])
        let square = try tensor.reshaped([2, 2])
        #expect(square.storage === tensor.storage && square.shape == [2, 2])
        #expect(throws: Diagnostic.self) { try tensor.reshaped([3]) }
        #expect(throws: Diagnostic.self) { try tensor.reshaped([-2, -2]) }
    }

    @Test func failingFillThrows() {
        #expect(throws: Diagnostic.self) {
            try HostTensor.make(.float32, shape: [4]) { _ in throw Diagnostic("test", "stop") }
        }
        #expect(throws: Diagnostic.self) { try HostTensor.make(.string, shape: [1]) { _ in } }
    }

    @Test(arguments: numericTypes)
    func smallNumbersGoThroughDouble(_ type: ElementType) throws {
        let wanted: [Double] = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1]
        let values = type == .float8e8m0 ? wanted.map { $0 + 1 } : wanted
        let tensor = try HostTensor.fromDoubles(values, as: type, shape: [11])
        #expect(try tensor.doubles() == values)
        #expect(tensor.byteCount == type.byteCount(of: 11))
        for (index, value) in values.enumerated() {
            #expect(tensor.elementBits(at: index) == tensor.elementBits(at: value == values[0] ? 0 : 1))
        }
    }

    @Test(arguments: numericTypes.filter { $0.isInteger || $0 == .bool })
    func integersGoThroughInt64(_ type: ElementType) throws {
        let low = try #require(type.lowestInteger)
        let high = type.highestInteger ?? -1
        let values = [low, high, 0, 1, high, low, high].map { Int64($0) }
        let tensor = try HostTensor.fromInts(values, as: type, shape: [7])
        #expect(try tensor.ints() == values)
        guard type.bitWidth < 64, type != .bool else { return }
        #expect(try HostTensor.fromInts([Int64(low) - 1], as: type, shape: []).ints() == [Int64(high)])
    }

    @Test func packedCodesLieLowBitsFirst() throws {
        let fours = try HostTensor.fromInts([1, -2, 3], as: .int4, shape: [3])
        fours.withUnsafeBytes { #expect(Array($0) == [0xE1, 0x03]) }
        #expect(fours.elementBits(at: 1) == 0xE)
        let twos = try HostTensor.fromInts([3, 0, 2, 1, 1], as: .uint2, shape: [5])
        twos.withUnsafeBytes { #expect(Array($0) == [0b0110_0011, 1]) }
        let sixes = try HostTensor.fromDoubles([0.125, 7.5, -0.125, 0, -7.5], as: .float6e2m3, shape: [5])
        sixes.withUnsafeBytes { #expect(Array($0) == [0b1100_0001, 0b0001_0111, 0b0000_0010, 0b0011_1111]) }
        #expect(try sixes.doubles() == [0.125, 7.5, -0.125, 0, -7.5])
        #expect((0..<5).map { sixes.elementBits(at: $0) } == [1, 31, 33, 0, 63])
    }

    @Test func wrongIntegersNeverTrap() throws {
        let values: [Double] = [.nan, .infinity, -.infinity, 1e300, -1e300, 300, -1, 0x1p63, -0x1p63, 2.9]
        for type in ElementType.allCases where type.isInteger {
            let tensor = try HostTensor.fromDoubles(values, as: type, shape: [10])
            #expect(tensor.count == 10)
        }
        #expect(try HostTensor.fromDoubles([300, -1, 2.9, -2.9], as: .uint8, shape: [4]).ints() == [44, 255, 2, 254])
        #expect(try HostTensor.fromDoubles([0x1p63], as: .uint64, shape: []).ints() == [.min])
        #expect(try HostTensor.fromDoubles([.nan, 0, -0.0, 0.1], as: .bool, shape: [4]).ints() == [1, 0, 0, 1])
        #expect(throws: Diagnostic.self) { try HostTensor.fromDoubles([1], as: .complex64, shape: []) }
        #expect(throws: Diagnostic.self) { try HostTensor.fromDoubles([1], as: .string, shape: []) }
        #expect(throws: Diagnostic.self) { try HostTensor.fromDoubles([1], as: .float32, shape: [2]) }
        #expect(throws: Diagnostic.self) { try HostTensor.fromInts([1], as: .float32, shape: []) }
    }

    @Test func identityIsBitwise() throws {
        let nan = HostTensor(scalar: Float.nan)
        #expect(nan.isIdentical(to: nan))
        #expect(!HostTensor(scalar: 0 as Float).isIdentical(to: HostTensor(scalar: -0.0 as Float)))
        #expect(!HostTensor(scalar: 0 as Float).isIdentical(to: HostTensor(scalar: 0 as Int32)))
        let clean = try HostTensor.fromInts([1, 2, 3], as: .int4, shape: [3])
        let dirty = try HostTensor.make(.int4, shape: [3]) { $0.copyBytes(from: [0x21, 0xF3]) }
        let other = try HostTensor.make(.int4, shape: [3]) { $0.copyBytes(from: [0x21, 0xF4]) }
        #expect(clean.isIdentical(to: dirty) && !clean.isIdentical(to: other))
    }

    @Test func boolBytesOtherThanOneAreTrue() throws {
        let tensor = try HostTensor.make(.bool, shape: [3]) { $0.copyBytes(from: [2, 0, 255]) }
        #expect(try tensor.array(of: Bool.self) == [true, false, true])
        #expect(try tensor.doubles() == [1, 0, 1] && tensor.ints() == [1, 0, 1])
    }

    @Test func elementBitsNeverTrap() throws {
        let tensor = try HostTensor([-1] as [Int16], shape: [1])
        #expect(tensor.elementBits(at: 0) == 0xFFFF)
        #expect(tensor.elementBits(at: 1) == 0 && tensor.elementBits(at: -1) == 0)
        #expect(try HostTensor(strings: ["a"], shape: []).elementBits(at: 0) == 0)
    }
}
