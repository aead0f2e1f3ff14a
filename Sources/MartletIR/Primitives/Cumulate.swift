public import MartletCore

/// `cumulate`: running combination along one axis, inclusive and forward.
public struct Cumulate: Operation {
    public static let name = "cumulate"
    public let combiner: Combiner
    public let axis: Int

    /// Makes a running combination.
    public init(_ combiner: Combiner, axis: Int) {
        self.combiner = combiner
        self.axis = axis
    }

    public init(_ attributes: AttributeReader) throws {
        let word = try attributes.word("op")
        guard let combiner = Combiner(rawValue: word) else {
            throw Diagnostic("text.attribute", "'\(word)' is no combiner")
        }
        self.init(combiner, axis: try attributes.int("axis"))
    }

    public var attributes: [Attribute] {
        [Attribute("op", .word(combiner.rawValue)), Attribute("axis", .int(axis))]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard (0..<operands[0].rank).contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(operands[0].rank)")
        }
        let element = operands[0].element
        let logical = combiner == .and || combiner == .or
        guard element.isOrdered, logical == (element == .bool) else {
            throw Diagnostic("type.elements", "'\(combiner.rawValue)' does not combine \(element.name)")
        }
        return operands
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try ScanEvaluation.cumulate(operands[0], combiner, axis: axis)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        .scan(combiner, axis: axis)
    }
}
