@testable import MartletCore
import Testing

@Suite struct ElementTypeTests {
    @Test func tableStandsInTheOrderOfTheCases() {
        #expect(ElementTypeFacts.table.map(\.type) == ElementType.allCases)
    }

    @Test(arguments: ElementType.allCases)
    func namesAndCodesLeadBack(_ type: ElementType) {
        #expect(ElementType(name: type.name) == type)
        #expect(ElementType(onnxCode: type.onnxCode) == type)
        if let format = type.floatFormat { #expect(format.bitWidth == type.bitWidth) }
    }

    @Test func onnxCodesAreAllOfOneToTwentyEight() {
        #expect(ElementType.allCases.map(\.onnxCode).sorted() == Array(1...28))
        #expect(ElementType(onnxCode: 0) == nil)
        #expect(ElementType(name: "float") == nil)
    }

    @Test func byteCounts() {
        #expect(ElementType.float32.byteCount(of: 3) == 12)
        #expect(ElementType.int4.byteCount(of: 3) == 2)
        #expect(ElementType.uint2.byteCount(of: 5) == 2)
        #expect(ElementType.float6e2m3.byteCount(of: 4) == 3)
        #expect(ElementType.float6e2m3.byteCount(of: 5) == 4)
        #expect(ElementType.int4.byteCount(of: .max) == 1 << 62)
        #expect(ElementType.float32.byteCount(of: 1 << 62) == nil)
        #expect(ElementType.float32.byteCount(of: -1) == nil)
        #expect(ElementType.string.byteCount(of: 7) == 0)
    }

    @Test func rangesAreThoseOfSwiftTypes() {
        #expect(ElementType.int8.lowestInteger == -128 && ElementType.int8.highestInteger == 127)
        #expect(ElementType.int64.lowestInteger == .min && ElementType.int64.highestInteger == .max)
        #expect(ElementType.uint32.highestInteger == Int(UInt32.max))
        #expect(ElementType.uint64.highestInteger == nil)
        #expect(ElementType.uint64.highestFinite == 0x1p64)
        #expect(ElementType.int4.lowestFinite == -8 && ElementType.int4.highestFinite == 7)
        #expect(ElementType.int2.lowestInteger == -2 && ElementType.uint2.highestInteger == 3)
        #expect(ElementType.int64.lowestFinite == -0x1p63)
        #expect(ElementType.float32.highestFinite == Double(Float.greatestFiniteMagnitude))
        #expect(ElementType.float16.highestFinite == 65504)
        #expect(ElementType.bfloat16.highestFinite == 0x1.FEp127)
        #expect(ElementType.float32.highestInteger == nil && ElementType.string.highestFinite == nil)
    }

    @Test func kinds() {
        #expect(!ElementType.bool.isInteger && !ElementType.bool.isFloatingPoint)
        #expect(ElementType.uint2.isInteger && !ElementType.uint2.isSigned)
        #expect(ElementType.float4e2m1.isFloatingPoint && ElementType.float4e2m1.isSigned)
        #expect(!ElementType.float8e8m0.isSigned && ElementType.complex64.isSigned)
        #expect(ElementType.complex128.componentType == .float64)
    }
}
