public import MartletCore

/// A primitive operation of the graph.
///
/// A conforming type holds the attributes of one node and knows everything about them: their text, the result types, the
/// plain evaluation that judges all compiled code, and the kernel form that the compiler works on. Adding an operation adds
/// a file; nothing below this level knows an operation's name.
public protocol Operation: Sendable {
    /// Name in the text form, lower case with underscores; unique.
    static var name: String { get }

    /// Names of the local rules that `simplified` applies.
    static var ruleNames: [String] { get }

    /// All attributes, in printing order; equal attributes mean equal operations.
    var attributes: [Attribute] { get }

    /// Makes the operation from attributes read from a text.
    init(_ attributes: AttributeReader) throws

    /// Result types for the operand types. Throws a diagnostic that says what does not fit.
    func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType]

    /// Evaluates on concrete operands with the plainest loops, in a wide type, rounding once to the element type.
    ///
    /// Sizes in the attributes take their values from `context`.
    func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor]

    /// What the compiler sees.
    func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm

    /// Equal nodes with equal operands may be one node. False for state, random bits, regions and host steps.
    var isInterned: Bool { get }

    /// The node is kept though nothing uses its results.
    var hasEffect: Bool { get }

    /// Whether folding may evaluate the node where all operands are constants.
    var isFoldable: Bool { get }

    /// Graphs nested in the operation: bodies of branches and loops.
    var regions: [Graph] { get }

    /// The same operation with other nested graphs, as many as `regions` has.
    func replacing(regions: [Graph]) throws -> any Operation

    /// Size symbols that get their values when the node is evaluated.
    var definedSymbols: [Symbol] { get }

    /// Values of a small integer result as expressions of sizes, where the operands' are known.
    func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]?

    /// A local rewrite of the node about to be added: the values that stand for its results, or nil.
    ///
    /// Rules have names, which `ruleNames` lists: they are counted and can be switched off. Ask `rules.allows("name")`
    /// before applying one, and say `rules.count("name")` when it fired.
    func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]?
}

extension Operation {
    public static var ruleNames: [String] { [] }
    public var attributes: [Attribute] { [] }
    public var isInterned: Bool { true }
    public var isFoldable: Bool { true }
    public var hasEffect: Bool { false }
    public var regions: [Graph] { [] }
    public func replacing(regions: [Graph]) throws -> any Operation { self }
    public var definedSymbols: [Symbol] { [] }
    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? { nil }
    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? { nil }

    /// Throws unless the node has exactly `count` operands.
    public func expect(_ operands: [TensorType], count: Int) throws {
        guard operands.count == count else {
            throw Diagnostic("type.operand-count", "\(Self.name) takes \(count) operands, not \(operands.count)")
        }
    }
}

/// An operand as `symbolicValues` sees it.
public struct SymbolicOperand {
    /// Type of the operand.
    public let type: TensorType
    /// Its elements in row-major order, where all are known as expressions.
    public let values: [IntExpr]?

    public init(type: TensorType, values: [IntExpr]?) {
        self.type = type
        self.values = values
    }
}

/// What type inference may ask of the graph that is being built.
public protocol TypeScope {
    /// Ranges of the size symbols.
    var ranges: SymbolRanges { get }
    /// A new size symbol.
    func freshSymbol(_ name: String, lower: Int, upper: IntExpr?) -> Symbol
    /// Records that two sizes must be equal; checked when the program runs. Throws if they can never be.
    func require(_ left: IntExpr, equals right: IntExpr, _ what: @autoclosure () -> String) throws
}

extension TypeScope {
    /// Simplifies with the ranges known here.
    public func simplify(_ expression: IntExpr) -> IntExpr { expression.simplified(ranges) }
}

/// Values of size symbols while a graph is evaluated.
public protocol EvaluationContext {
    /// The value of a size expression.
    func value(of expression: IntExpr) throws -> Int
    /// Evaluates a nested graph on concrete operands.
    func evaluate(_ graph: Graph, _ operands: [HostTensor]) throws -> [HostTensor]
    /// Gives a symbol its value; used by `bind` and loops.
    func bind(_ symbol: Symbol, to value: Int) throws
    /// The index that was given where the node sees `index` in this operand, for an axis of its first one: another where
    /// negative indices are counted from the end before. For messages.
    func givenIndex(_ index: Int64, operand: Int, axis: Int) -> Int64
}

extension EvaluationContext {
    /// The values of several size expressions.
    public func values(of expressions: [IntExpr]) throws -> [Int] { try expressions.map { try value(of: $0) } }

    public func givenIndex(_ index: Int64, operand: Int, axis: Int) -> Int64 { index }
}

/// A run-time check that two sizes agree.
public struct SizeRequirement: Hashable, Sendable {
    /// The two sizes.
    public let left: IntExpr, right: IntExpr
    /// What was compared, for the message.
    public let what: String
}
