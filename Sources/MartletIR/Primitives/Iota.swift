public import MartletCore

/// `iota`: each element is its coordinate along one axis. Never stored: it fuses as an index.
public struct Iota: Operation {
    public static let name = "iota"
    /// Extents of the result.
    public let shape: [IntExpr]
    /// The axis whose coordinate the elements are.
    public let axis: Int
    /// Element type, an integer or floating-point one; coordinates are cast to it.
    public let type: ElementType

    /// Makes coordinates along `axis` of a tensor of that shape.
    public init(shape: [IntExpr], axis: Int, type: ElementType) {
        self.shape = shape
        self.axis = axis
        self.type = type
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            shape: try attributes.dims("shape"), axis: try attributes.int("axis"), type: try attributes.type("type"))
    }

    public var attributes: [Attribute] {
        [Attribute("shape", .dims(shape)), Attribute("axis", .int(axis)), Attribute("type", .type(type))]
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 0)
        guard shape.indices.contains(axis) else {
            throw Diagnostic("type.axes", "axis \(axis) does not fit a tensor of rank \(shape.count)")
        }
        guard type.isInteger || type.isFloatingPoint else {
            throw Diagnostic("type.elements", "'iota' does not make \(type.name)")
        }
        return [TensorType(type, shape.map(scope.simplify))]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let sizes = try context.values(of: shape)
        _ = try HostTensor.size(of: type, sizes)
        let line = try HostTensor.make(.int64, shape: [sizes[axis]]) { bytes in
            for index in 0..<sizes[axis] {
                bytes.storeBytes(of: Int64(index), toByteOffset: 8 * index, as: Int64.self)
            }
        }
        let typed = try ScalarEvaluation.cast(line, to: type)
        // An extent of 1 would count as one to repeat; its only coordinate is 0 all the same.
        return [try ViewEvaluation.broadcast(typed, to: sizes, axes: [axis])]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        var root = body.add(.index(IntExpr(Symbol.axis(axis))))
        if type != .int64 { root = body.add(.apply(.cast, [root], type: type)) }
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        guard let values = try? evaluate([], in: ConstantContext()).first?.ints() else { return nil }
        return values.map { IntExpr(Int($0)) }
    }
}
