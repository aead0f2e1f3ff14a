public import MartletCore

/// `reduce`: combines all elements along some axes, which the result drops.
///
/// An empty reduction gives the combiner's identity: 0, 1, lowest, highest, true, false. NaN wins in max and min.
public struct Reduce: Operation {
    public static let name = "reduce"
    public let combiner: Combiner
    /// Reduced axes, strictly ascending.
    public let axes: [Int]

    public init(_ combiner: Combiner, axes: [Int]) {
        self.combiner = combiner
        self.axes = axes.sorted()
    }

    public init(_ attributes: AttributeReader) throws {
        let word = try attributes.word("op")
        guard let combiner = Combiner(rawValue: word) else {
            throw Diagnostic("text.attribute", "'\(word)' is no combiner")
        }
        self.init(combiner, axes: try attributes.ints("axes"))
    }

    public var attributes: [Attribute] {
        [Attribute("op", .word(combiner.rawValue)), Attribute("axes", .ints(axes))]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard axes.allSatisfy({ (0..<operands[0].rank).contains($0) }), Set(axes).count == axes.count else {
            throw Diagnostic("type.axes", "axes \(axes) do not fit a tensor of rank \(operands[0].rank)")
        }
        let logical = combiner == .and || combiner == .or
        guard logical == (operands[0].element == .bool) else {
            throw Diagnostic("type.elements", "'\(combiner.rawValue)' does not reduce \(operands[0].element.name)")
        }
        let kept = operands[0].shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
        return [TensorType(operands[0].element, kept)]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ReduceEvaluation.reduce(operands[0], combiner, axes: axes)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        var index: [IntExpr] = []
        var reduced: [LoopAxis] = []
        var kept = 0
        for axis in 0..<operands[0].rank {
            if axes.contains(axis) {
                let symbol = Symbol.axis(results[0].rank + reduced.count)
                reduced.append(LoopAxis(symbol, operands[0].shape[axis]))
                index.append(IntExpr(symbol))
            } else {
                index.append(IntExpr(Symbol.axis(kept)))
                kept += 1
            }
        }
        let load = body.add(.load(operand: 0, index: index, type: operands[0].element))
        let root = body.add(.reduce(combiner, axes: reduced, value: load, type: results[0].element))
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }
}
