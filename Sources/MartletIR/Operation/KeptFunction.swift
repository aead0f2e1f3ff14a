public import MartletCore

/// A library function that stays one node until a template takes it whole or a pass expands it.
///
/// The library defines each in the file of the function. Its meaning is its body over tensors, and nothing else:
/// evaluation, expansion and export follow from it. A kept call may be expanded at any time with the same result.
public protocol KeptFunction: Operation {
    /// The function over tensors.
    func body(_ operands: [Tensor]) throws -> [Tensor]

    /// How others spell the function out, so that graphs without the call can be raised to it; nil where none is known.
    static var spelledForms: SpelledForms? { get }
}

extension KeptFunction {
    public static var spelledForms: SpelledForms? { nil }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        try Recorder.$current.withValue(nil) {
            try body(operands.map { Tensor($0) }).map { tensor in
                guard let result = try tensor.checked().concrete else {
                    throw Diagnostic("kept.abstract", "the body of '\(Self.name)' gave a tensor without a value")
                }
                return result
            }
        }
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm { .call(self) }

    /// Adds the function's body to a graph in place of the call; gives the values of the results.
    public func expand(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID] {
        let recorder = Recorder(continuing: builder)
        return try recorder.record { try recorder.values(of: try body(recorder.tensors(operands))) }
    }
}

extension Recorder {
    /// Values of the graph as tensors of this recorder.
    func tensors(_ values: [ValueID]) -> [Tensor] { values.map { Tensor(.recorded(self, $0)) } }

    /// The graph's values that tensors of this recorder are; concrete tensors become constants.
    func values(of tensors: [Tensor]) throws -> [ValueID] { try tensors.map { try add($0) } }
}

extension Graph {
    /// The graph with every kept call, nested ones included, replaced by its body.
    public func expandingKeptCalls(rules: RuleSet = RuleSet()) throws -> Graph {
        guard containsKeptCalls else { return self }
        return try rebuiltDeeply(rules: rules) { graph, node, operands, builder in
            try (graph.operation(of: node) as? any KeptFunction)?.expand(operands, in: builder)
        }
    }

    private var containsKeptCalls: Bool {
        operations.contains { $0 is any KeptFunction || $0.regions.contains(where: \.containsKeptCalls) }
    }
}
