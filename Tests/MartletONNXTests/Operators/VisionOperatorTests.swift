import MartletCore
import MartletONNX
import Testing

@Suite("Operators: boxes and blocks") struct VisionOperatorTests {
    /// Three boxes, of which the first two overlap by a third of their union.
    private let boxes: [Double] = [0, 0, 1, 1, 0, 0.5, 1, 1.5, 5, 5, 6, 6]

    private func kept(_ most: Double?, overlap: Double, score: Double?, centered: Bool = false) throws -> [[Double]] {
        let node = OperatorCase("NonMaxSuppression", [AttributeProto("center_point_box", .int(centered ? 1 : 0))])
        let result = try node(
            .data(.of(boxes, [1, 3, 4])), .data(.of([0.5, 0.9, 0.7], [1, 1, 3])),
            most.map { .data(try .of([$0], [], .int64)) } ?? .missing, .data(.of([overlap], [])),
            score.map { .data(try .of([$0], [])) } ?? .missing)[0]
        let rows = try result.doubles()
        return stride(from: 0, to: rows.count, by: 3).map { Array(rows[$0..<$0 + 3]) }
    }

    @Test func keepsTheBestOfWhatOverlaps() throws {
        #expect(try kept(9, overlap: 0.3, score: nil) == [[0, 0, 1], [0, 0, 2]])
        #expect(try kept(9, overlap: 0.4, score: nil) == [[0, 0, 1], [0, 0, 2], [0, 0, 0]])
        #expect(try kept(9, overlap: 0.4, score: 0.6) == [[0, 0, 1], [0, 0, 2]])
        #expect(try kept(1, overlap: 0.4, score: nil) == [[0, 0, 1]])
        #expect(try kept(nil, overlap: 0.4, score: nil).isEmpty)
        #expect(try kept(-1, overlap: 0.4, score: nil).isEmpty)
    }

    @Test func sumsBlocksThatOverlap() throws {
        let node = OperatorCase("Col2Im")
        let ones = try HostTensor.of(Array(repeating: 1, count: 4 * 4), [1, 4, 4])
        let result = try node(.data(ones), .data(.of(integers: 3, 3)), .data(.of(integers: 2, 2)))[0]
        #expect(try result.shape == [1, 1, 3, 3] && result.doubles() == [1, 2, 1, 2, 4, 2, 1, 2, 1])
        let wrong = OperatorCase("Col2Im", [AttributeProto("pads", .ints([1, 1]))])
        #expect(throws: Diagnostic.self) {
            try wrong(.data(ones), .data(.of(integers: 3, 3)), .data(.of(integers: 2, 2)))
        }
    }
}
