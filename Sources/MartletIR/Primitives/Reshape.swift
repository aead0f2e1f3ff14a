public import MartletCore

/// `reshape`: the same elements in row-major order under another shape.
///
/// The counts of elements must agree: proved when the node is added, or checked when the program runs.
public struct Reshape: Operation {
    public static let name = "reshape"
    public static let ruleNames = ["reshape-identity", "reshape-twice"]
    /// Extents of the result.
    public let shape: [IntExpr]

    /// Makes a reshape to `shape`.
    public init(shape: [IntExpr]) { self.shape = shape }
    public init(_ attributes: AttributeReader) throws { self.init(shape: try attributes.dims("shape")) }
    public var attributes: [Attribute] { [Attribute("shape", .dims(shape))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        let result = TensorType(operands[0].element, shape.map(scope.simplify))
        try scope.require(operands[0].count, equals: result.count, "count of elements")
        return [result]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [try operands[0].reshaped(try context.values(of: shape))]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        .view(of: operands[0], index: ReshapeIndex.index(operands[0].shape, results[0].shape), as: results[0])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? { operands[0].values }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        if builder.type(of: operands[0]).shape == shape, builder.rules.allows("reshape-identity") {
            builder.rules.count("reshape-identity")
            return operands
        }
        guard builder.rules.allows("reshape-twice"), let inner = builder.definition(of: operands[0]),
            inner.operation is Reshape
        else { return nil }
        builder.rules.count("reshape-twice")
        return try builder.add(self, inner.operands)
    }
}

/// The index map of a reshape.
///
/// Axes are matched in groups whose extents have equal products, as small as can be proved; only within a group are
/// positions linearised and divided. So `[b, s, 384]` as `[b, s, 12, 32]` is read at `[i, j, 32·k + l]`.
enum ReshapeIndex {
    /// For each axis of `operand` its coordinate, in variables of the axes of `result`.
    static func index(_ operand: [IntExpr], _ result: [IntExpr]) -> [IntExpr] {
        let variables = LoopForm.variables(result.count)
        let ranges = SymbolRanges(axes: LoopForm.axes(of: result).map { ($0.symbol, $0.extent) })
        var index = [IntExpr](repeating: 0, count: operand.count)
        // An axis of extent 1 has the coordinate 0 and takes no part.
        var sources = ArraySlice(operand.indices.filter { operand[$0] != 1 })
        var targets = ArraySlice(result.indices.filter { result[$0] != 1 })
        while !sources.isEmpty {
            let group = firstGroup(sources.map { operand[$0] }, targets.map { result[$0] })
            let own = targets.prefix(group.targets)
            let linear = own.reduce(IntExpr(0)) { $0 * result[$1] + variables[$1] }
            divide(linear, among: sources.prefix(group.sources), operand, ranges, &index)
            sources = sources.dropFirst(group.sources)
            targets = targets.dropFirst(group.targets)
        }
        return index
    }

    /// Counts of leading axes whose extents have the same product, the fewest that do; all where none is found.
    private static func firstGroup(_ sources: [IntExpr], _ targets: [IntExpr]) -> (sources: Int, targets: Int) {
        let (left, right) = (prefixProducts(sources), prefixProducts(targets))
        for total in stride(from: 2, to: left.count + right.count, by: 1) {
            for count in 1..<total where count <= left.count && total - count <= right.count {
                if left[count - 1] == right[total - count - 1] { return (count, total - count) }
            }
        }
        return (sources.count, targets.count)
    }

    private static func prefixProducts(_ extents: [IntExpr]) -> [IntExpr] {
        var product: IntExpr = 1
        return extents.map { extent in
            product *= extent
            return product
        }
    }

    private static func divide(
        _ linear: IntExpr, among axes: ArraySlice<Int>, _ extents: [IntExpr], _ ranges: SymbolRanges,
        _ index: inout [IntExpr]
    ) {
        var rest = linear
        for axis in axes.reversed() {
            if axis == axes.first {
                index[axis] = rest.simplified(ranges)
            } else {
                index[axis] = rest.modulo(extents[axis]).simplified(ranges)
                rest = rest.floorDivided(by: extents[axis])
            }
        }
    }
}
