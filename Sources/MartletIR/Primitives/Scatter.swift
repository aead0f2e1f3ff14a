public import MartletCore

/// `scatter`: a tensor with updates combined into it at positions that index tensors give.
///
/// Operands are x, one index tensor for each of `axes` (integers, all of one shape), and the updates, shaped as the
/// result of `gather` with the same indices: the indices' shape, then the other axes of x. Updates take effect in
/// row-major order: with `set` the last one stays, sums are in that order.
public struct Scatter: Operation {
    public static let name = "scatter"
    /// Axes of x that the indices address, ascending.
    public let axes: [Int]
    public let mode: ScatterForm.Mode
    /// Indices out of range end the run with an error, else their updates are dropped.
    public let checked: Bool

    /// Makes a scatter along `axes`.
    public init(axes: [Int], mode: ScatterForm.Mode, checked: Bool) {
        self.axes = axes
        self.mode = mode
        self.checked = checked
    }

    public init(_ attributes: AttributeReader) throws {
        let word = try attributes.word("mode")
        guard let mode = ScatterForm.Mode(rawValue: word) else {
            throw Diagnostic("text.attribute", "'\(word)' is no mode of scatter")
        }
        self.init(axes: try attributes.ints("axes"), mode: mode, checked: try attributes.flag("checked"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("axes", .ints(axes)), Attribute("mode", .word(mode.rawValue)),
            Attribute("checked", .flag(checked)),
        ]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: axes.count + 2)
        let (target, update) = (operands[0], operands[axes.count + 1])
        guard !axes.isEmpty, axes.allSatisfy({ (0..<target.rank).contains($0) }),
            zip(axes, axes.dropFirst()).allSatisfy(<)
        else {
            throw Diagnostic("type.axes", "axes \(axes) do not ascend within a rank of \(target.rank)")
        }
        try checkElements(target.element, update.element)
        let indices = operands[1...axes.count]
        for index in indices {
            guard index.element.isInteger, index.rank == indices[1].rank else {
                throw Diagnostic("type.indices", "indices must be integers of one shape")
            }
            for (left, right) in zip(indices[1].shape, index.shape) {
                try scope.require(left, equals: right, "index tensors of scatter")
            }
        }
        let expected = indices[1].shape + target.shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
        guard update.rank == expected.count else {
            throw Diagnostic("type.rank", "updates must have rank \(expected.count), not \(update.rank)")
        }
        for (axis, (left, right)) in zip(expected, update.shape).enumerated() {
            try scope.require(left, equals: right, "axis \(axis) of the updates of scatter")
        }
        return [target]
    }

    private func checkElements(_ target: ElementType, _ update: ElementType) throws {
        let isArithmetic = target.isInteger || (target.isFloatingPoint && target.bitWidth >= 16)
        let isLogical = target == .bool && (mode == .max || mode == .min)
        guard target == update, mode == .set || (isArithmetic && !target.isPacked) || isLogical else {
            throw Diagnostic(
                "type.elements", "scatter '\(mode.rawValue)' does not take \(target.name) and \(update.name)")
        }
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let form = ScatterForm(axes: axes, mode: mode, checked: checked)
        return [
            try ScatterEvaluation.scatter(
                operands[0], Array(operands[1...axes.count]), operands[axes.count + 1], form, in: context)
        ]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        .scatter(ScatterForm(axes: axes, mode: mode, checked: checked))
    }
}
