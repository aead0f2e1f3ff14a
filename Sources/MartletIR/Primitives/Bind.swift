public import MartletCore

/// `bind`: reads one integer when the program runs, checks its range and gives it to a size symbol.
///
/// The only primitive that makes data-dependent shapes. Made through `GraphBuilder.bind` or `Recorder.bind`, which give
/// one value one symbol.
public struct Bind: Operation {
    public static let name = "bind"
    /// The symbol that gets the value.
    public let symbol: Symbol
    /// Smallest valid value.
    public let lower: Int
    /// Largest valid value, where there is one: of sizes that are known when this runs.
    public let upper: IntExpr?

    /// Makes the binding of a symbol.
    public init(symbol: Symbol, lower: Int, upper: IntExpr?) {
        self.symbol = symbol
        self.lower = lower
        self.upper = upper
    }

    public init(_ attributes: AttributeReader) throws {
        let expression = try attributes.dim("symbol")
        guard let symbol = expression.symbols.first, expression == IntExpr(symbol) else {
            throw Diagnostic("text.attribute", "operation 'bind' needs attribute 'symbol', one symbol")
        }
        self.init(symbol: symbol, lower: try attributes.int("lower"), upper: try? attributes.dim("upper"))
    }

    public var attributes: [Attribute] {
        var list = [Attribute("symbol", .dim(IntExpr(symbol))), Attribute("lower", .int(lower))]
        if let upper { list.append(Attribute("upper", upper.constant.map { .int($0) } ?? .dim(upper))) }
        return list
    }

    public var hasEffect: Bool { true }
    public var isFoldable: Bool { false }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard operands[0].rank == 0, operands[0].element.isInteger else {
            throw Diagnostic("type.elements", "'bind' takes an integer scalar")
        }
        return []
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        guard let value = try operands[0].ints().first else {
            throw Diagnostic("run.bind", "'bind' takes an integer scalar")
        }
        let upper = try upper.map { try context.value(of: $0) }
        guard value >= lower, value <= upper ?? Int.max else {
            let range = "\(lower)...\(upper.map(String.init) ?? "")"
            throw Diagnostic("run.bind-range", "a size computed from data is \(value), but must lie in \(range)")
        }
        try context.bind(symbol, to: Int(value))
        return []
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        .bind(symbol, lower: lower, upper: upper)
    }
}
