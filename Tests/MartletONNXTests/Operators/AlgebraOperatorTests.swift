import MartletCore
import MartletONNX
import Testing

@Suite("Operators: sums of products, determinants") struct AlgebraOperatorTests {
    private func einsum(_ equation: String, _ operands: HostTensor...) throws -> HostTensor {
        let node = OperatorCase("Einsum", [AttributeProto("equation", string: equation)])
        switch operands.count {
        case 1: return try node(.data(operands[0]))[0]
        case 2: return try node(.data(operands[0]), .data(operands[1]))[0]
        default: return try node(.data(operands[0]), .data(operands[1]), .data(operands[2]))[0]
        }
    }

    @Test func equationsOfAllKinds() throws {
        let a = try HostTensor.of([1, 2, 3, 4], [2, 2]), v = try HostTensor.of([1, 10])
        #expect(try einsum("ij,j->i", a, v).doubles() == [21, 43])
        #expect(try einsum("ba", a).doubles() == [1, 3, 2, 4])
        #expect(try einsum("ii", a).doubles() == [5])
        #expect(try einsum("i i -> i", a).doubles() == [1, 4])
        #expect(try einsum("...i->...", a).doubles() == [3, 7])
        #expect(try einsum("ij,jk,k->i", a, a, v).doubles() == [107, 235])
        #expect(try einsum("Ab,b->bA", a, v).doubles() == [1, 3, 20, 40])
    }

    @Test func extentsOfOneRepeat() throws {
        let a = try HostTensor.of([1, 2], [1, 2]), b = try HostTensor.of([1, 2, 3, 4], [2, 2])
        #expect(try einsum("...j,...j->...", a, b).doubles() == [5, 11])
    }

    @Test func equationsAreChecked() throws {
        let a = try HostTensor.of([1, 2, 3, 4], [2, 2])
        for equation in ["ij,jk->ik", "ijk->i", "ij->iij", "ij->k", "i1->i", "i..j"] {
            #expect(throws: Diagnostic.self, "\(equation)") { try einsum(equation, a) }
        }
    }

    @Test func determinantsNeedRowsExchanged() throws {
        let det = OperatorCase("Det")
        #expect(try det.numbers([0, 1, 1, 0], shape: [2, 2]) == [-1])
        #expect(try det.numbers([0, 2, 0, 3], shape: [1, 2, 2]) == [0])
        #expect(agree(try det.numbers([2, 0, 1, 1, 3, 2, 1, 1, 4], shape: [3, 3], as: .float64), [18]))
        #expect(det.failure([1]) == "type.rank")
    }
}
