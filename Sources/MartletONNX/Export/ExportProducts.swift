import MartletCore
public import MartletIR

extension MartletIR.Contract: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let elements = node.operandTypes.map(\.element)
        if isMatrixProduct(node.operandTypes), result == .int32, node.operandTypes.allSatisfy({ $0.rank > 1 }),
            let inputs = try node.byteInputs(node.operands, channelAxis: nil)
        {
            node.results = [node.add("MatMulInteger", inputs)]
            return
        }
        let names = try node.operandNames()
        let carrier = ExportedNode.reductionCarrier(of: result)
        let inputs = zip(names, elements).map { name, element in
            node.cast(node.cast(name, from: element, to: result), from: result, to: carrier)
        }
        let product = try self.product(inputs, &node)
        node.results = [node.cast(product, from: carrier, to: result)]
    }

    private func product(_ inputs: [String], _ node: inout ExportedNode) throws -> String {
        if isMatrixProduct(node.operandTypes) { return node.add("MatMul", inputs) }
        if isPlanar(node.operandTypes), result.isFloatingPoint { return gemm(inputs, &node) }
        return node.add("Einsum", inputs, [AttributeProto("equation", string: try equation(node))])
    }

    /// Whether MatMul pairs the same axes and gives the result's axes in the same order.
    func isMatrixProduct(_ types: [TensorType]) -> Bool {
        let count = batch.count
        guard contracted.count == 1, batch.enumerated().allSatisfy({ $0.element == ($0.offset, $0.offset) }),
            contracted[0].0 == types[0].rank - 1
        else { return false }
        let (freeA, freeB) = (types[0].rank - count - 1, types[1].rank - count - 1)
        if count > 0 { return freeA == 1 && freeB == 1 && contracted[0].1 == count }
        return freeB <= 1 && contracted[0].1 == 0
    }

    /// Whether it is a product of two matrices, one of them or both transposed.
    func isPlanar(_ types: [TensorType]) -> Bool {
        batch.isEmpty && contracted.count == 1 && types[0].rank == 2 && types[1].rank == 2
    }

    private func gemm(_ inputs: [String], _ node: inout ExportedNode) -> String {
        node.add("Gemm", inputs, gemmAttributes)
    }

    /// Attributes of Gemm for a product of two matrices.
    var gemmAttributes: [AttributeProto] {
        var attributes: [AttributeProto] = []
        if contracted[0].0 == 0 { attributes.append(.int("transA", 1)) }
        if contracted[0].1 == 1 { attributes.append(.int("transB", 1)) }
        return attributes
    }

    private func equation(_ node: ExportedNode) throws -> String {
        var letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[...]
        var subscripts = node.operandTypes.map { [Character?](repeating: nil, count: $0.rank) }
        func letter() throws -> Character {
            guard let letter = letters.popFirst() else { throw node.unsupported("a contraction of more than 52 axes") }
            return letter
        }
        var results: [Character] = []
        for (pairs, isKept) in [(batch, true), (contracted, false)] {
            for (left, right) in pairs {
                let letter = try letter()
                (subscripts[0][left], subscripts[1][right]) = (letter, letter)
                if isKept { results.append(letter) }
            }
        }
        for side in 0..<2 {
            for axis in subscripts[side].indices where subscripts[side][axis] == nil {
                let letter = try letter()
                subscripts[side][axis] = letter
                results.append(letter)
            }
        }
        let operands = subscripts.map { String($0.compactMap(\.self)) }
        return "\(operands[0]),\(operands[1])->\(String(results))"
    }
}
