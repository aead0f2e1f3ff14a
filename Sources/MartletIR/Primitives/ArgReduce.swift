public import MartletCore

/// `arg_reduce`: row-major position, within some axes, of the largest or smallest element; the result drops the axes.
///
/// The first NaN wins. An empty reduction is an error when the program runs.
public struct ArgReduce: Operation {
    public static let name = "arg_reduce"
    /// Looks for the largest element, else for the smallest.
    public let maximum: Bool
    /// Reduced axes, ascending.
    public let axes: [Int]
    /// Of equal elements the last one counts, else the first.
    public let lastTie: Bool

    /// Makes a search along `axes`.
    public init(maximum: Bool, axes: [Int], lastTie: Bool = false) {
        self.maximum = maximum
        self.axes = axes.sorted()
        self.lastTie = lastTie
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            maximum: try attributes.flag("maximum"), axes: try attributes.ints("axes"),
            lastTie: try attributes.flag("last_tie"))
    }

    public var attributes: [Attribute] {
        [Attribute("maximum", .flag(maximum)), Attribute("axes", .ints(axes)), Attribute("last_tie", .flag(lastTie))]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard axes.allSatisfy({ (0..<operands[0].rank).contains($0) }), Set(axes).count == axes.count else {
            throw Diagnostic("type.axes", "axes \(axes) do not fit a tensor of rank \(operands[0].rank)")
        }
        guard operands[0].element.isOrdered else {
            throw Diagnostic("type.elements", "elements of type \(operands[0].element.name) have no order")
        }
        let kept = operands[0].shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
        return [TensorType(.int64, kept)]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ScanEvaluation.extremePositions(operands[0], maximum: maximum, axes: axes, lastTie: lastTie)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        let (index, reduced) = LoopForm.reduction(of: operands[0].shape, over: axes)
        let load = body.add(.load(operand: 0, index: index, type: operands[0].element))
        let root = body.add(.argreduce(maximum: maximum, lastTie: lastTie, axes: reduced, value: load))
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }
}

extension ElementType {
    /// Whether sort and extremes take the type: real numbers of at least 8 bits, and bool.
    var isOrdered: Bool { !isPacked && !isComplex && self != .string }
}

extension LoopForm {
    /// Index of an operand whose `axes` are reduced, and the reduced axes with their variables.
    static func reduction(of shape: [IntExpr], over axes: [Int]) -> (index: [IntExpr], reduced: [LoopAxis]) {
        var index: [IntExpr] = []
        var reduced: [LoopAxis] = []
        let rank = shape.count - axes.count
        for (axis, extent) in shape.enumerated() {
            if axes.contains(axis) {
                reduced.append(LoopAxis(.axis(rank + reduced.count), extent))
                index.append(IntExpr(.axis(rank + reduced.count - 1)))
            } else {
                index.append(IntExpr(.axis(axis - reduced.count)))
            }
        }
        return (index, reduced)
    }
}
