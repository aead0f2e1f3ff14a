public import MartletCore

/// `rebits`: the same bits as elements of another width.
///
/// A narrower type adds a last axis, low bits first; a wider one removes the last axis, whose extent must be the ratio
/// of the widths. Equal widths are the map `bitcast`.
public struct Rebits: Operation {
    public static let name = "rebits"
    /// Element type of the result.
    public let target: ElementType

    /// Makes a reinterpretation as `target`.
    public init(to target: ElementType) { self.target = target }
    public init(_ attributes: AttributeReader) throws { self.init(to: try attributes.type("to")) }
    public var attributes: [Attribute] { [Attribute("to", .type(target))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        let (from, to) = (operands[0].element.bitWidth, target.bitWidth)
        guard from > 0, to > 0, from != to, Swift.max(from, to) % Swift.min(from, to) == 0 else {
            throw Diagnostic(
                "type.elements", "'rebits' cannot make \(target.name) of \(operands[0].element.name)")
        }
        if from > to { return [TensorType(target, operands[0].shape + [IntExpr(from / to)])] }
        guard let last = operands[0].shape.last else {
            throw Diagnostic("type.axes", "'rebits' to a wider type takes a last axis of \(to / from)")
        }
        try scope.require(last, equals: IntExpr(to / from), "last axis of 'rebits'")
        return [TensorType(target, operands[0].shape.dropLast())]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let x = operands[0]
        let (from, to) = (x.type.bitWidth, target.bitWidth)
        guard from > to || x.shape.last == to / from else {
            throw Diagnostic("run.rebits", "the last axis of \(x) must be \(to / from)")
        }
        let shape = from > to ? x.shape + [from / to] : Array(x.shape.dropLast())
        // Elements are stored low bits first, packed: the bytes are the same.
        return [try HostTensor(type: target, shape: shape, storage: x.storage, byteOffset: x.byteOffset)]
    }
}

// MARK: - Kernel form

extension Rebits {
    /// Bodies compute on unsigned integers of both widths, with shifts.
    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        let narrow = Swift.min(operands[0].element.bitWidth, target.bitWidth)
        let wide = Swift.max(operands[0].element.bitWidth, target.bitWidth)
        guard let narrowBits = Self.unsigned(narrow), let wideBits = Self.unsigned(wide) else {
            throw Diagnostic("type.elements", "'rebits' cannot be compiled for elements of \(wide) bits")
        }
        let bits: Int
        if operands[0].element.bitWidth == wide {
            bits = split(operands[0], results[0].rank, narrow, wideBits, narrowBits, &body)
        } else {
            bits = join(operands[0], results[0].rank, narrow, wide / narrow, narrowBits, wideBits, &body)
        }
        let root = Self.bitcast(bits, to: target, &body)
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    private func split(
        _ operand: TensorType, _ rank: Int, _ narrow: Int, _ wideBits: ElementType, _ narrowBits: ElementType,
        _ body: inout ScalarBody
    ) -> Int {
        let variables = LoopForm.variables(rank)
        let load = body.add(.load(operand: 0, index: Array(variables.dropLast()), type: operand.element))
        let bits = Self.bitcast(load, to: wideBits, &body)
        let place = body.add(.index(variables[rank - 1] * IntExpr(narrow)))
        let amount = body.add(.apply(.cast, [place], type: wideBits))
        let shifted = body.add(.apply(.shr, [bits, amount], type: wideBits))
        return body.add(.apply(.cast, [shifted], type: narrowBits))
    }

    private func join(
        _ operand: TensorType, _ rank: Int, _ narrow: Int, _ ratio: Int, _ narrowBits: ElementType,
        _ wideBits: ElementType, _ body: inout ScalarBody
    ) -> Int {
        let parts = (0..<ratio).map { part -> Int in
            let index = LoopForm.variables(rank) + [IntExpr(part)]
            let load = body.add(.load(operand: 0, index: index, type: operand.element))
            let wide = body.add(.apply(.cast, [Self.bitcast(load, to: narrowBits, &body)], type: wideBits))
            let amount = body.add(.constant(bits: UInt64(part * narrow), type: wideBits))
            return body.add(.apply(.shl, [wide, amount], type: wideBits))
        }
        return parts.dropFirst().reduce(parts[0]) { body.add(.apply(.or, [$0, $1], type: wideBits)) }
    }

    private static func bitcast(_ node: Int, to type: ElementType, _ body: inout ScalarBody) -> Int {
        body.type(of: node) == type ? node : body.add(.apply(.bitcast, [node], type: type))
    }

    private static func unsigned(_ width: Int) -> ElementType? {
        switch width {
        case 2: return .uint2
        case 4: return .uint4
        case 8: return .uint8
        case 16: return .uint16
        case 32: return .uint32
        case 64: return .uint64
        default: return nil
        }
    }
}
