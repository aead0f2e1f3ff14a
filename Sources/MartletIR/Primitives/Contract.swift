public import MartletCore

/// `contract`: sums of products over paired axes of two tensors, as in a matrix product.
///
/// The result's axes are the batch axes in the order of the pairs, the other axes of a, the other axes of b. Elements
/// are converted to the result type before they are multiplied: integers wrap, `f16` may be summed as `f32`.
public struct Contract: Operation {
    public static let name = "contract"
    /// Pairs of axes (of a, of b) that the result keeps once.
    public let batch: [(Int, Int)]
    /// Pairs of axes (of a, of b) that are summed over, in row-major order of the pairs.
    public let contracted: [(Int, Int)]
    /// Element type of products and sums.
    public let result: ElementType

    /// Makes a contraction over pairs of axes.
    public init(batch: [(Int, Int)], contracted: [(Int, Int)], result: ElementType) {
        self.batch = batch
        self.contracted = contracted
        self.result = result
    }

    public init(_ attributes: AttributeReader) throws {
        func pairs(_ name: String) throws -> [(Int, Int)] {
            let (left, right) = (try attributes.ints("\(name)_a"), try attributes.ints("\(name)_b"))
            guard left.count == right.count else {
                throw Diagnostic("text.attribute", "'\(name)_a' and '\(name)_b' must have equal lengths")
            }
            return Array(zip(left, right))
        }
        self.init(
            batch: try pairs("batch"), contracted: try pairs("contracted"), result: try attributes.type("result"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("batch_a", .ints(batch.map(\.0))), Attribute("batch_b", .ints(batch.map(\.1))),
            Attribute("contracted_a", .ints(contracted.map(\.0))),
            Attribute("contracted_b", .ints(contracted.map(\.1))), Attribute("result", .type(result)),
        ]
    }

    // MARK: Types

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 2)
        let (a, b) = (operands[0], operands[1])
        let axesA = (batch + contracted).map(\.0)
        let axesB = (batch + contracted).map(\.1)
        try Self.check(axesA, rank: a.rank)
        try Self.check(axesB, rank: b.rank)
        try Self.checkProduct(of: a.element, b.element, to: result, Self.name)
        for (left, right) in batch + contracted {
            try scope.require(a.shape[left], equals: b.shape[right], "axes \(left) and \(right) of a contraction")
        }
        let freeA = AxisOffsets.others(than: axesA, rank: a.rank).map { a.shape[$0] }
        let freeB = AxisOffsets.others(than: axesB, rank: b.rank).map { b.shape[$0] }
        return [TensorType(result, batch.map { a.shape[$0.0] } + freeA + freeB)]
    }

    private static func check(_ axes: [Int], rank: Int) throws {
        guard axes.allSatisfy({ (0..<rank).contains($0) }), Set(axes).count == axes.count else {
            throw Diagnostic("type.axes", "axes \(axes) of a contraction do not fit a tensor of rank \(rank)")
        }
    }

    /// Throws unless products of these elements can be summed in `result`: equal floats to a float of at least their
    /// width, or whole-byte integers to any whole-byte integer.
    static func checkProduct(of a: ElementType, _ b: ElementType, to result: ElementType, _ what: String) throws {
        let areFloats =
            a == b && a.isFloatingPoint && a.bitWidth >= 16 && result.isFloatingPoint
            && (result == a || result.bitWidth > a.bitWidth)
        let areIntegers = [a, b, result].allSatisfy { $0.isInteger && !$0.isPacked }
        guard areFloats || areIntegers else {
            throw Diagnostic("type.elements", "\(what) of \(a.name) and \(b.name) has no result of type \(result.name)")
        }
    }

    // MARK: Evaluation and form

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        [
            try ContractEvaluation.contract(
                operands[0], operands[1], batch: batch, contracted: contracted, result: result)
        ]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        var body = ScalarBody()
        var index = [operands[0].shape, operands[1].shape].map { [IntExpr](repeating: 0, count: $0.count) }
        var next = 0
        func variable() -> Symbol {
            next += 1
            return .axis(next - 1)
        }
        for pair in batch {
            index[0][pair.0] = IntExpr(variable())
            index[1][pair.1] = index[0][pair.0]
        }
        let paired = [(batch + contracted).map(\.0), (batch + contracted).map(\.1)]
        for side in 0..<2 {
            for axis in AxisOffsets.others(than: paired[side], rank: operands[side].rank) {
                index[side][axis] = IntExpr(variable())
            }
        }
        let reduced = contracted.map { pair in
            let axis = LoopAxis(variable(), operands[0].shape[pair.0])
            index[0][pair.0] = IntExpr(axis.symbol)
            index[1][pair.1] = IntExpr(axis.symbol)
            return axis
        }
        let factors = (0..<2).map { side in
            body.addLoad(side, index[side], operands[side].element, as: result)
        }
        let root = body.addSum(of: factors, over: reduced, type: result)
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }
}

extension ScalarBody {
    /// A load, converted to `type` where the element's type is another one.
    mutating func addLoad(
        _ operand: Int, _ index: [IntExpr], _ element: ElementType, as type: ElementType
    ) -> Int {
        let load = add(.load(operand: operand, index: index, type: element))
        return element == type ? load : add(.apply(.cast, [load], type: type))
    }

    /// The sum over `axes` of the product of two nodes; the product alone where there are no axes.
    mutating func addSum(of factors: [Int], over axes: [LoopAxis], type: ElementType) -> Int {
        let product = add(.apply(.mul, factors, type: type))
        return axes.isEmpty ? product : add(.reduce(.sum, axes: axes, value: product, type: type))
    }
}
