public import MartletCore

/// `gather`: reads at coordinates that other tensors hold.
///
/// Operands are x, k integer tensors of one shape, and in mode `fill` a 0-d fill value. The result has the shape of the
/// indices, then the other axes of x: element (j, r) is x at coordinate `iₘ[j]` on axis `axes[m]` and r elsewhere.
/// Negative indices do not count from the end; they are out of range.
public struct Gather: Operation {
    public static let name = "gather"

    /// What becomes of an index out of range.
    public enum Mode: String, Hashable, Sendable {
        /// The nearest valid index is taken.
        case clamp
        /// The fill value stands there.
        case fill
        /// The run ends with an error.
        case check
    }

    /// Axes of x that the index operands address, strictly ascending.
    public let axes: [Int]
    /// What becomes of an index out of range.
    public let mode: Mode

    /// Makes a gather along `axes`.
    public init(axes: [Int], mode: Mode) {
        self.axes = axes
        self.mode = mode
    }

    public init(_ attributes: AttributeReader) throws {
        let word = try attributes.word("mode")
        guard let mode = Mode(rawValue: word) else {
            throw Diagnostic("text.attribute", "'\(word)' is no mode of 'gather'")
        }
        self.init(axes: try attributes.ints("axes"), mode: mode)
    }

    public var attributes: [Attribute] { [Attribute("axes", .ints(axes)), Attribute("mode", .word(mode.rawValue))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1 + axes.count + (mode == .fill ? 1 : 0))
        let ascending = zip(axes, axes.dropFirst()).allSatisfy { $0 < $1 }
        guard !axes.isEmpty, ascending, axes.allSatisfy((0..<operands[0].rank).contains) else {
            throw Diagnostic("type.axes", "axes \(axes) do not fit a tensor of rank \(operands[0].rank)")
        }
        let indexShape = operands[1].shape
        for index in operands[1...axes.count] {
            guard index.element.isInteger, index.rank == indexShape.count else {
                throw Diagnostic("type.gather", "indices of 'gather' must be integer tensors of one shape")
            }
            for (axis, (left, right)) in zip(indexShape, index.shape).enumerated() {
                try scope.require(left, equals: right, "axis \(axis) of indices of 'gather'")
            }
        }
        if mode == .fill, let fill = operands.last, fill.rank != 0 || fill.element != operands[0].element {
            throw Diagnostic("type.gather", "the fill value of 'gather' must be a \(operands[0].element.name) scalar")
        }
        let rest = operands[0].shape.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
        return [TensorType(operands[0].element, indexShape + rest)]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let fill = mode == .fill ? operands.last : nil
        let indices = Array(operands[1...axes.count])
        return [try ViewEvaluation.gather(operands[0], indices, axes: axes, mode: mode, fill: fill, in: context)]
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands, indices: 1..<1 + axes.count)
    }
}

// MARK: - Kernel form

extension Gather {
    /// Data-dependent indices are named by axis symbols from this number on, one an index operand.
    private static let firstDynamic = 1000

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        let symbols = axes.indices.map { Symbol.axis(Self.firstDynamic + $0) }
        var root = read(operands, symbols, &body)
        for (number, axis) in axes.enumerated().reversed() {
            let extent = operands[0].shape[axis]
            let value = index(number, operands[1 + number], extent, &body)
            // Clamping cannot help where there is nothing to read.
            let checked = mode == .check || (mode == .clamp && extent.constant ?? 0 < 1)
            root = body.add(.dynamic(symbols[number], value: value, limit: extent, checked: checked, body: root))
        }
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    /// The element of x at the named indices, under guards in mode `fill`.
    private func read(_ operands: [TensorType], _ symbols: [Symbol], _ body: inout ScalarBody) -> Int {
        let x = operands[0]
        var rest = LoopForm.variables(operands[1].rank + x.rank - axes.count).dropFirst(operands[1].rank)
        let coordinates = (0..<x.rank).map { axis -> IntExpr in
            if let number = axes.firstIndex(of: axis) { return IntExpr(symbols[number]) }
            return rest.popFirst() ?? 0
        }
        let load = body.add(.load(operand: 0, index: coordinates, type: x.element))
        guard mode == .fill else { return load }
        let fill = body.add(.load(operand: operands.count - 1, index: [], type: x.element))
        let guards = zip(symbols, axes).map { IndexGuard(IntExpr($0), below: x.shape[$1]) }
        return body.add(.guarded(guards, value: load, otherwise: fill))
    }

    /// The index as an `i64`, clamped in mode `clamp`.
    private func index(_ number: Int, _ type: TensorType, _ extent: IntExpr, _ body: inout ScalarBody) -> Int {
        let variables = LoopForm.variables(type.rank)
        var node = body.add(.load(operand: 1 + number, index: variables, type: type.element))
        if type.element != .int64 { node = body.add(.apply(.cast, [node], type: .int64)) }
        guard mode == .clamp else { return node }
        let last = body.add(.index(extent - 1))
        node = body.add(.apply(.min, [node, last], type: .int64))
        return body.add(.apply(.max, [node, body.add(.index(0))], type: .int64))
    }
}
