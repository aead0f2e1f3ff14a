public import MartletCore

/// `if`: evaluates one of two graphs, by a bool scalar.
///
/// Operands are the condition and the captures, which are the inputs of both graphs in the same order. Both graphs give
/// results of the same element types and ranks. Where their extents differ, the node's result has a size symbol of its
/// own, which gets its value when the node is evaluated.
public struct If: Operation {
    public static let name = "if"
    public static let ruleNames = ["branch-constant"]
    public let then: Graph
    public let otherwise: Graph
    /// Types of the results.
    public let results: [TensorType]
    /// Size symbols of extents in which the branches differ; each is an extent of a result.
    public let sizes: [Symbol]

    /// Makes a branch with known result types.
    public init(then: Graph, else otherwise: Graph, results: [TensorType], sizes: [Symbol] = []) {
        self.then = then
        self.otherwise = otherwise
        self.results = results
        self.sizes = sizes
    }

    /// Makes a branch whose result types are those on which the graphs agree, with fresh symbols where they differ.
    ///
    /// - Parameter inner: symbols that get their values inside the graphs, and so mean nothing outside.
    /// - Throws: `type.branches-differ` where element types or ranks differ.
    public init(
        then: Graph, else otherwise: Graph, in scope: any TypeScope, inner: @escaping (Symbol) -> Bool = { _ in false }
    ) throws {
        let (left, right) = (then.outputTypes, otherwise.outputTypes)
        guard left.count == right.count else {
            throw Diagnostic(
                "type.branches-differ", "the branches have \(left.count) and \(right.count) results")
        }
        var merge = ExtentMerge(scope: scope, inner: inner)
        let results = try zip(left, right).map { first, second in
            guard first.element == second.element, first.rank == second.rank else {
                let name = then.symbols.name(of:)
                throw Diagnostic(
                    "type.branches-differ", "the branches give \(first.text(name)) and \(second.text(name))")
            }
            return TensorType(first.element, zip(first.shape, second.shape).map { merge.extent($0, $1) })
        }
        self.init(then: then, else: otherwise, results: results, sizes: merge.sizes)
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            then: try attributes.graph("then"), else: try attributes.graph("else"),
            results: try attributes.types("results"), sizes: try attributes.symbols("sizes"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("results", .types(results)), Attribute("sizes", .dims(sizes.map { IntExpr($0) })),
            Attribute("then", .graph(GraphReference(then))), Attribute("else", .graph(GraphReference(otherwise))),
        ]
    }

    public var isInterned: Bool { false }
    public var isFoldable: Bool { false }
    public var hasEffect: Bool { regions.contains(where: \.hasEffect) }
    public var regions: [Graph] { [then, otherwise] }
    public var definedSymbols: [Symbol] { sizes }

    public func replacing(regions: [Graph]) throws -> any Operation {
        If(then: regions[0], else: regions[1], results: results, sizes: sizes)
    }

    // MARK: Types

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        guard let condition = operands.first, condition == TensorType(.bool, []) else {
            throw Diagnostic("type.condition", "the condition of a branch must be a bool scalar")
        }
        for graph in regions {
            try graph.expectInputs(Array(operands.dropFirst()), in: scope, "a branch")
            try graph.expectOutputs(results, except: sizes, in: scope, "a branch")
        }
        return results
    }

    // MARK: Evaluation and form

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let condition = try operands[0].ints().first ?? 0
        let tensors = try context.evaluate(condition != 0 ? then : otherwise, Array(operands.dropFirst()))
        try RegionEvaluation.bind(sizes, from: tensors, as: results, in: context)
        return tensors
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        .branch(then: then, else: otherwise)
    }

    /// A branch whose condition is known is its graph.
    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        guard builder.rules.allows("branch-constant"), let condition = builder.constant(operands[0]),
            let value = try condition.ints().first
        else { return nil }
        builder.rules.count("branch-constant")
        let graph = value != 0 ? then : otherwise
        let values = try graph.inlined(into: builder, Array(operands.dropFirst()))
        try builder.define(sizes, from: values, as: results)
        return values
    }
}

/// Finds the extents of a result that two graphs, or two turns, may give different sizes.
struct ExtentMerge {
    let scope: any TypeScope
    /// Whether a symbol has no meaning outside of the graphs.
    let inner: (Symbol) -> Bool
    /// Symbols made for extents that differ.
    private(set) var sizes: [Symbol] = []

    init(scope: any TypeScope, inner: @escaping (Symbol) -> Bool) {
        self.scope = scope
        self.inner = inner
    }

    /// The common extent, or a fresh symbol.
    mutating func extent(_ first: IntExpr, _ second: IntExpr) -> IntExpr {
        let (left, right) = (scope.simplify(first), scope.simplify(second))
        let isOuter = !(left.symbols + right.symbols).contains(where: inner)
        if isOuter, left.isEqual(to: right, scope.ranges) == .yes { return left }
        return fresh(left, right, isOuter: isOuter)
    }

    /// A new symbol for an extent that is known only after evaluation, and lies within the bounds of either branch.
    private mutating func fresh(_ first: IntExpr, _ second: IntExpr, isOuter: Bool) -> IntExpr {
        let (left, right) = (first.bounds(scope.ranges), second.bounds(scope.ranges))
        var upper: IntExpr?
        if isOuter {
            upper = scope.simplify(.max(.max(first, second), 0))
        } else if let first = left.upper, let second = right.upper {
            upper = IntExpr(max(first, second, 0))
        }
        let symbol = scope.freshSymbol("size", lower: max(0, min(left.lower ?? 0, right.lower ?? 0)), upper: upper)
        sizes.append(symbol)
        return IntExpr(symbol)
    }
}
