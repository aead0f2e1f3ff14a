public import MartletCore

/// One way to spell a kept function out in other functions, as exporters and front ends write it.
///
/// The form is a function over tensors, like those that record graphs. It is recorded on the types that a graph has at
/// the place, through the builder that made the graph, and the recording is compared with the graph. So a form is stated
/// once for all ranks, element types and symbolic shapes, and knows nothing of how the builder arranges broadcasts.
public struct SpelledForm {
    /// Types of the values that become the operands of the call.
    public let operands: [TensorType]
    /// Types of 0-d floating-point constants of any finite value, which become attributes of the call.
    public let constants: [ElementType]
    /// The call, for the values that the constants have.
    public let call: ([Double]) -> any KeptFunction
    /// The first result of the call, spelled out: of the operands, then the constants.
    public let body: ([Tensor]) throws -> Tensor

    /// Makes a form.
    public init(
        operands: [TensorType], constants: [ElementType] = [], call: @escaping ([Double]) -> any KeptFunction,
        body: @escaping ([Tensor]) throws -> Tensor
    ) {
        self.operands = operands
        self.constants = constants
        self.call = call
        self.body = body
    }
}

/// The spelled-out forms of one kept function.
///
/// Forms are looked for around a *seed*: an operation that every form contains and few other places of a graph do, such
/// as a reduction. The seed tells what the forms cannot know: the shape of the operand and the axes.
public struct SpelledForms: Sendable {
    /// A place of a graph where a form may be.
    public struct Seed {
        /// The operation there.
        public let operation: any Operation
        /// Types of the first operand and of the values that it is computed from through first operands, nearest first.
        public let types: [TensorType]
    }

    /// Whether an operation is a seed.
    public let isSeed: @Sendable (any Operation) -> Bool
    /// The forms that may be around a seed. Those that do not fit the types, so that recording them throws, are none.
    public let forms: @Sendable (Seed) -> [SpelledForm]

    /// Makes a list of forms.
    public init(
        around isSeed: @escaping @Sendable (any Operation) -> Bool,
        _ forms: @escaping @Sendable (Seed) -> [SpelledForm]
    ) {
        self.isSeed = isSeed
        self.forms = forms
    }
}
