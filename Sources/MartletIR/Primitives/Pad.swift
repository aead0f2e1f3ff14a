public import MartletCore

/// `pad`: puts a fill value before, after and between the elements along each axis.
///
/// Operands are the tensor and the 0-d fill value. An axis of size n gets `low + n + max(0, n - 1)·interior + high`
/// elements; negative `low` and `high` cut.
public struct Pad: Operation {
    public static let name = "pad"
    public static let ruleNames = ["pad-nothing"]
    /// Elements before the first, on each axis.
    public let low: [IntExpr]
    /// Elements after the last, on each axis.
    public let high: [IntExpr]
    /// Elements between neighbours, on each axis; at least 0.
    public let interior: [Int]

    /// Makes a padding; the lists have an entry for each axis of the operand.
    public init(low: [IntExpr], high: [IntExpr], interior: [Int]) {
        self.low = low
        self.high = high
        self.interior = interior
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            low: try attributes.dims("low"), high: try attributes.dims("high"),
            interior: try attributes.ints("interior"))
    }

    public var attributes: [Attribute] {
        [Attribute("low", .dims(low)), Attribute("high", .dims(high)), Attribute("interior", .ints(interior))]
    }

    /// Extent of a padded axis of extent `size`.
    static func extent(_ size: IntExpr, _ low: IntExpr, _ high: IntExpr, _ interior: Int) -> IntExpr {
        let gaps = interior == 0 ? 0 : IntExpr.max(0, size - 1) * IntExpr(interior)
        return low + size + gaps + high
    }

    private static let interiorLimit = 1 << 31

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 2)
        let rank = operands[0].rank
        guard low.count == rank, high.count == rank, interior.count == rank else {
            throw Diagnostic("type.axes", "a padding of rank \(low.count) does not fit a tensor of rank \(rank)")
        }
        guard operands[1].rank == 0, operands[1].element == operands[0].element else {
            let type = operands[0].element.name
            throw Diagnostic("type.elements", "the fill value of a padding must be a \(type) scalar")
        }
        guard interior.allSatisfy((0..<Self.interiorLimit).contains) else {
            throw Diagnostic("type.pad", "interior padding \(interior) is out of range")
        }
        let shape = try operands[0].shape.enumerated().map { axis, size in
            let extent = scope.simplify(Self.extent(size, low[axis], high[axis], interior[axis]))
            if let upper = extent.bounds(scope.ranges).upper, upper < 0 {
                throw Diagnostic("type.pad", "padding leaves less than nothing of axis \(axis)")
            }
            return extent
        }
        return [TensorType(operands[0].element, shape)]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let (before, after) = (try context.values(of: low), try context.values(of: high))
        return [try ViewEvaluation.pad(operands[0], operands[1], low: before, high: after, interior: interior)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        let variables = LoopForm.variables(results[0].rank)
        var guards: [IndexGuard] = []
        var index: [IntExpr] = []
        for (axis, size) in operands[0].shape.enumerated() {
            let position = variables[axis] - low[axis]
            if interior[axis] == 0 {
                index.append(position)
                if low[axis] != 0 || high[axis] != 0 { guards.append(IndexGuard(position, below: size)) }
            } else {
                let pitch = IntExpr(interior[axis] + 1)
                index.append(position.floorDivided(by: pitch))
                guards.append(IndexGuard(position.modulo(pitch), below: 1))
                guards.append(IndexGuard(position.floorDivided(by: pitch), below: size))
            }
        }
        var body = ScalarBody()
        var root = body.add(.load(operand: 0, index: index, type: operands[0].element))
        if !guards.isEmpty {
            let fill = body.add(.load(operand: 1, index: [], type: operands[0].element))
            root = body.add(.guarded(guards, value: root, otherwise: fill))
        }
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands)
    }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        guard low.allSatisfy({ $0 == 0 }), high.allSatisfy({ $0 == 0 }), interior.allSatisfy({ $0 == 0 }),
            builder.rules.allows("pad-nothing")
        else { return nil }
        builder.rules.count("pad-nothing")
        return [operands[0]]
    }
}
