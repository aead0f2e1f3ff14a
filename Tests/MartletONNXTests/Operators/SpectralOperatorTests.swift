import MartletCore
import MartletONNX
import Testing

@Suite("Operators: spectra and windows") struct SpectralOperatorTests {
    /// A cosine of `frequency` turns.
    private func wave(_ count: Int, _ frequency: Int) throws -> HostTensor {
        let quarter = [1.0, 0, -1, 0]
        return try .of((0..<count).map { quarter[$0 * frequency * 4 / count % 4] }, [1, count, 1])
    }

    @Test(arguments: [8, 128, 1024]) func findsTheFrequency(_ count: Int) throws {
        let node = OperatorCase("DFT", opset: 17, [AttributeProto("onesided", .int(1))])
        let x = try wave(count, count / 4)
        let result = try node(.data(x))[0]
        #expect(result.shape == [1, count / 2 + 1, 2])
        var expected = [Double](repeating: 0, count: count + 2)
        expected[count / 2] = Double(count) / 2
        #expect(agree(try result.doubles(), expected))
        let inverse = [AttributeProto("onesided", .int(1)), AttributeProto("inverse", .int(1))]
        let back = try OperatorCase("DFT", opset: 20, inverse)(.data(result))[0]
        #expect(back.shape == [1, count, 1])
        #expect(agree(try back.doubles(), try x.doubles()))
    }

    @Test func axesOfEveryVersion() throws {
        let x = try HostTensor.of([1, 2, 3, 4], [2, 2, 1])
        let old = OperatorCase("DFT", opset: 17, [AttributeProto("axis", .int(0))])
        #expect(agree(try old(.data(x))[0].doubles(), [4, 0, 6, 0, -2, 0, -2, 0]))
        let new = OperatorCase("DFT", opset: 20)
        let last: [Double] = [3, 0, -1, 0, 7, 0, -1, 0]
        #expect(agree(try new(.data(x))[0].doubles(), last))
        #expect(agree(try new(.data(x), .missing, .data(.of([1], [], .int64)))[0].doubles(), last))
        #expect(throws: Diagnostic.self) { try new(.data(x), .missing, .constant(.of([2], [], .int64))) }
    }

    @Test func framesOfASignal() throws {
        let x = try HostTensor.of([1, 2, 3, 4, 5], [1, 5, 1])
        let node = OperatorCase("STFT")
        let result = try node(.data(x), .data(.of([1], [], .int64)), .missing, .constant(.of([2], [], .int64)))[0]
        #expect(result.shape == [1, 4, 2, 2])
        #expect(agree(try result.doubles(), [3, 0, -1, 0, 5, 0, -1, 0, 7, 0, -1, 0, 9, 0, -1, 0]))
        let windowed = try node(.data(x), .constant(.of([3], [], .int64)), .data(.of([1, 0])))[0]
        #expect(agree(try windowed.doubles(), [1, 0, 1, 0, 4, 0, 4, 0]))
    }

    @Test func windowsOfBothKinds() throws {
        func hann(_ periodic: Int64) throws -> [Double] {
            let node = OperatorCase("HannWindow", [AttributeProto("periodic", .int(periodic))])
            return try node(.data(.of([4], [], .int32)))[0].doubles()
        }
        #expect(agree(try hann(1), [0, 0.5, 1, 0.5]))
        #expect(agree(try hann(0), [0, 0.75, 0.75, 0]))
        let wide = OperatorCase("BlackmanWindow", [AttributeProto("output_datatype", .int(11))])
        #expect(try wide(.data(.of([2], [], .int64)))[0].type == .float64)
    }
}
