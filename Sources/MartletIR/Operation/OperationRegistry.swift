/// Operations by name, for reading a text.
public struct OperationRegistry: Sendable {
    /// All primitives: every type of the folder `Primitives`, which the build lists.
    public static let primitives: [any Operation.Type] = OperationList.all

    private let types: [String: any Operation.Type]

    /// Makes a registry of the primitives and of other operations, such as kept functions of a library.
    public init(adding others: [any Operation.Type] = []) {
        types = Dictionary(
            (Self.primitives + others).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Names of all local rules: those of the operations, and the builder's own.
    public var ruleNames: [String] {
        ([GraphBuilder.foldingRule] + types.values.flatMap { $0.ruleNames }).sorted()
    }

    /// The operation of that name.
    public subscript(name: String) -> (any Operation.Type)? { types[name] }
}
