public import MartletCore
import Synchronization

/// Records the operations that library functions apply into a graph.
///
/// A recorder is current for a task through `Recorder.$current`. Tensors recorded by one recorder cannot be used with
/// another, except that one nested in it captures them. It may be passed between threads, but only one may record at a
/// time: the lock makes misuse safe, not useful.
public final class Recorder: Sendable {
    /// The recorder that the current task records into.
    @TaskLocal public static var current: Recorder?

    private struct State {
        let builder: GraphBuilder
        let captures = CaptureList()
    }
    private let state: Mutex<State>
    /// The recorder of the enclosing graph.
    private let parent: Recorder?

    /// Values of the enclosing graph that the nested one takes as inputs.
    private final class CaptureList {
        var outer: [ValueID] = []
        var inner: [ValueID: ValueID] = [:]
    }

    /// Makes a recorder into a new graph.
    public init(symbols: SymbolTable = SymbolTable(), rules: RuleSet.Options = .init()) {
        state = Mutex(State(builder: GraphBuilder(symbols: symbols, rules: RuleSet(rules))))
        parent = nil
    }

    /// Makes a recorder that goes on building a graph.
    init(continuing builder: GraphBuilder) {
        state = Mutex(State(builder: Unchecked(builder).value))
        parent = nil
    }

    private init(nestedIn parent: Recorder) {
        let builder = parent.state.withLock { Unchecked($0.builder.nested()) }
        state = Mutex(State(builder: builder.value))
        self.parent = parent
    }

    /// A recorder of a graph nested in this one: body of a branch or loop. It shares the symbols. Tensors of this
    /// recorder, and of those around it, that are used in the nested graph become inputs of it: see `captures`.
    public func nested() -> Recorder { Recorder(nestedIn: self) }

    /// Runs `body` with this recorder as the current one.
    public func record<R>(_ body: () throws -> R) rethrows -> R {
        try Recorder.$current.withValue(self, operation: body)
    }

    /// Adds an input to the graph.
    public func input(_ name: String, _ type: TensorType) -> Tensor {
        with { Tensor(.recorded(self, $0.addInput(name, type))) }
    }

    /// A new size symbol.
    public func symbol(_ name: String, lower: Int = 0, upper: IntExpr? = nil) -> Symbol {
        with { $0.freshSymbol(name, lower: lower, upper: upper) }
    }

    /// The symbols known so far.
    public var symbols: SymbolTable { with { $0.symbols } }

    /// Names of source nodes that what is recorded next comes from.
    public var origin: [String] {
        get { with { $0.origin } }
        set { with { $0.origin = newValue } }
    }

    /// A value as a size: reads one integer when the program runs and checks its range; folds where it is known now.
    public func bind(_ tensor: Tensor, _ name: String, lower: Int = 0, upper: IntExpr? = nil) throws -> IntExpr {
        if let values = tensor.symbolicValues, values.count == 1 { return values[0] }
        return try with { builder in
            try builder.bind(try value(of: tensor, in: builder), name, lower: lower, upper: upper)
        }
    }

    /// Records that two sizes must be equal; throws if they can never be.
    public func require(_ left: IntExpr, equals right: IntExpr, _ what: String) throws {
        try with { try $0.require(left, equals: right, what) }
    }

    /// Simplifies with the ranges known now.
    public func simplify(_ expression: IntExpr) -> IntExpr { with { $0.simplify(expression) } }

    /// Runs `body` with narrowed ranges of some symbols, then restores them.
    public func narrowing<R>(
        _ limits: [(symbol: Symbol, lower: Int?, upper: Int?)], _ body: () throws -> R
    ) rethrows -> R {
        let saved = with { Unchecked($0.narrow(limits)) }
        defer { with { $0.restore(saved.value) } }
        return try body()
    }

    /// Ends the graph; `outputs` are its named results.
    public func finish(
        _ outputs: [(name: String, tensor: Tensor)], states: [(input: String, output: String)] = []
    ) throws -> Graph {
        try with { builder in
            let ports = try outputs.map { GraphPort($0.name, try self.value(of: $0.tensor, in: builder)) }
            return try builder.finish(outputs: ports, states: states)
        }
    }

    func type(of value: ValueID) -> TensorType { with { $0.type(of: value) } }
    func constant(_ value: ValueID) -> HostTensor? { with { $0.constant(value) } }
    func symbolicValues(_ value: ValueID) -> [IntExpr]? { with { $0.symbolicValues(value) } }

    func apply(_ operation: any Operation, _ operands: [Tensor]) throws -> [Tensor] {
        try with { builder in
            let values = try operands.map { try value(of: $0, in: builder) }
            return try builder.add(operation, values).map { Tensor(.recorded(self, $0)) }
        }
    }

    /// The recorder that an application is recorded by: the innermost of the current one and the operands'.
    static func governing(_ operands: [Tensor]) throws -> Recorder? {
        var found = current
        for operand in operands {
            guard case .recorded(let recorder, _) = operand.payload else { continue }
            guard let known = found, !known.isNested(in: recorder) else {
                found = found ?? recorder
                continue
            }
            guard current == nil, recorder.isNested(in: known) else { throw foreign }
            found = recorder
        }
        return found
    }

    private static var foreign: Diagnostic {
        Diagnostic(
            "tensor.recorder", "a tensor of one recording is used in another",
            help: "pass it as an input, or give it back as a result of the branch or loop it was made in")
    }

    private func value(of tensor: Tensor, in builder: GraphBuilder) throws -> ValueID {
        switch tensor.payload {
        case .concrete(let tensor): return try builder.add(constant: tensor)
        case .recorded(let recorder, let value):
            if recorder === self { return value }
            guard let parent, parent.isNested(in: recorder) else { throw Self.foreign }
            return try capture(try parent.with { try parent.value(of: tensor, in: $0) }, of: parent, in: builder)
        case .failed(let diagnostic): throw diagnostic
        }
    }

    /// The graph's value that a tensor is.
    func add(_ tensor: Tensor) throws -> ValueID { try with { try value(of: tensor, in: $0) } }

    // MARK: Nesting

    /// The tensors of the enclosing recorder that the nested graph takes as its last inputs, in their order.
    var captures: [Tensor] {
        guard let parent else { return [] }
        return captureList.outer.map { Tensor(.recorded(parent, $0)) }
    }

    /// Captures tensors of the enclosing recorder, used or not, so that two branches have the same inputs.
    func capture(_ tensors: [Tensor]) throws {
        for tensor in tensors { _ = try with { try value(of: tensor, in: $0) } }
    }

    /// Calls `body` with the type scope of the graph.
    func scoped<R>(_ body: (any TypeScope) throws -> R) rethrows -> R { try with { try body($0) } }

    /// States that the elements of a recorded tensor are these size expressions.
    func assume(_ tensor: Tensor, is expressions: [IntExpr]) {
        guard case .recorded(let recorder, let value) = tensor.payload, recorder === self else { return }
        with { $0.assume(value, is: expressions) }
    }

    /// Whether this recorder is `other` or lies in it, however deep.
    private func isNested(in other: Recorder) -> Bool {
        var recorder: Recorder? = self
        while let current = recorder {
            if current === other { return true }
            recorder = current.parent
        }
        return false
    }

    /// The input that stands for a value of the enclosing graph; constants are copied instead.
    private func capture(_ outer: ValueID, of parent: Recorder, in builder: GraphBuilder) throws -> ValueID {
        let list = captureList
        if let known = list.inner[outer] { return known }
        if let constant = parent.constant(outer) { return try builder.add(constant: constant) }
        let inner = builder.addInput("capture\(list.outer.count)", parent.type(of: outer))
        if let values = parent.symbolicValues(outer) { builder.assume(inner, is: values) }
        list.outer.append(outer)
        list.inner[outer] = inner
        return inner
    }

    /// The operation that makes a value, its operands, and which of its results the value is; nil for an input. What
    /// stands for a value of an enclosing graph is looked up there.
    func definition(of value: ValueID) -> (operation: any Operation, operands: [Tensor], result: Int)? {
        if let parent, let outer = captureList.inner.first(where: { $0.value == value })?.key {
            return parent.definition(of: outer)
        }
        guard let found = with({ $0.definition(of: value) }) else { return nil }
        return (found.operation, found.operands.map { Tensor(.recorded(self, $0)) }, found.result)
    }

    private var captureList: CaptureList { state.withLock { Unchecked($0.captures) }.value }

    private func with<R>(_ body: (GraphBuilder) throws -> R) rethrows -> R {
        let builder = state.withLock { Unchecked($0.builder) }
        return try body(builder.value)
    }
}

/// Carries a builder out of the lock: the recorder's rule of one recording thread at a time makes that sound.
private struct Unchecked<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
