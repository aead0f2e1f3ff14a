public import MartletCore

/// What the compiler sees of an operation: data, never an operation's name.
public enum KernelForm: Sendable {
    /// Independent loop nests, one a result.
    case loops([LoopForm])
    /// A literal.
    case constant(HostTensor)
    /// A running combination along one axis.
    case scan(Combiner, axis: Int)
    /// Stable sort along an axis; two results, values and positions, cut to the result's extent.
    case sort(axis: Int, descending: Bool)
    /// `result = operand 0` updated at positions given by index operands; see `ScatterForm`.
    case scatter(ScatterForm)
    /// One of two graphs by a bool scalar, operand 0; the others are the captures of both.
    case branch(then: Graph, else: Graph)
    /// A loop; see `LoopRegion`.
    case loop(LoopRegion)
    /// Reads an integer scalar when the program runs and gives it to a size symbol.
    case bind(Symbol, lower: Int, upper: IntExpr?)
    /// Ends the run with a diagnostic when reached.
    case fail(Diagnostic)
    /// A call of a kept function: may be taken whole by a template, or expanded.
    case call(any KeptFunction)
}

/// Scatter: for each point of the update's index axes, combine an update slice into the result.
public struct ScatterForm: Hashable, Sendable {
    /// How an update meets what stands there.
    public enum Mode: String, Hashable, Sendable { case set, add, mul, max, min }
    /// Axes of operand 0 that the index operands address, ascending.
    public var axes: [Int]
    public var mode: Mode
    /// Out-of-range indices end the run with an error; otherwise their updates are dropped.
    public var checked: Bool

    public init(axes: [Int], mode: Mode, checked: Bool) {
        self.axes = axes
        self.mode = mode
        self.checked = checked
    }
}

/// A loop: operands are [condition]?, states, scanned tensors, captures in that order.
///
/// The body takes (i: i64[], states…, slices…, captures…) and gives ([condition: bool[]]?, states…, stacked…); there is a
/// condition in the results exactly if there is one in the operands.
public struct LoopRegion: Sendable {
    public var trip: IntExpr?
    /// Whether operand 0 is the initial condition.
    public var hasCondition: Bool
    public var stateCount: Int
    public var scannedCount: Int
    public var stackedCount: Int
    public var body: Graph
    /// Loop counter as a size symbol, readable in the body.
    public var counter: Symbol
    /// Number of turns done, as a size symbol, where a condition may end the loop early.
    public var turns: IntExpr

    public init(
        trip: IntExpr?, hasCondition: Bool, stateCount: Int, scannedCount: Int, stackedCount: Int, body: Graph,
        counter: Symbol, turns: IntExpr
    ) {
        self.trip = trip
        self.hasCondition = hasCondition
        self.stateCount = stateCount
        self.scannedCount = scannedCount
        self.stackedCount = stackedCount
        self.body = body
        self.counter = counter
        self.turns = turns
    }
}

extension KernelForm {
    /// A form that reads operand 0 at `index`, an expression of the result's axis variables for each axis of the operand.
    public static func view(of operand: TensorType, index: [IntExpr], as result: TensorType) -> KernelForm {
        var body = ScalarBody()
        let root = body.add(.load(operand: 0, index: index, type: operand.element))
        return .loops([LoopForm(axes: LoopForm.axes(of: result.shape), body: body, root: root)])
    }
}
