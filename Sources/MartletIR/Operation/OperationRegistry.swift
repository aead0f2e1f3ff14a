/// Operations by name, for reading a text.
public struct OperationRegistry: Sendable {
    /// All primitives.
    public static let primitives: [any Operation.Type] = [
        Map.self, Constant.self, Dimension.self, Iota.self, Bind.self,
        Reshape.self, Transpose.self, Broadcast.self, Slice.self, Pad.self, Concat.self, Window.self, Gather.self,
        Rebits.self,
        Reduce.self, ArgReduce.self, Cumulate.self, Sort.self, Scatter.self, Contract.self, Convolve.self,
        If.self, Loop.self, Fail.self,
    ]

    private let types: [String: any Operation.Type]

    /// Makes a registry of the primitives and of other operations, such as kept functions of a library.
    public init(adding others: [any Operation.Type] = []) {
        types = Dictionary(
            (Self.primitives + others).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The operation of that name.
    public subscript(name: String) -> (any Operation.Type)? { types[name] }
}
