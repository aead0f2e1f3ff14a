public import MartletCore
public import MartletIR

/// What may be asked of the import of a model.
public struct ImportOptions: Sendable {
    /// Static shapes of inputs by name, in place of the declared ones; a negative extent stays as it is declared.
    public var shapes: [String: [Int]]
    /// Local rules of the graph builder that must not fire.
    public var rules: RuleSet.Options

    /// The defaults import the model as it is.
    public init(shapes: [String: [Int]] = [:], rules: RuleSet.Options = RuleSet.Options()) {
        self.shapes = shapes
        self.rules = rules
    }
}

/// A model as a graph, and what its file says of it.
public struct ImportedModel: Sendable {
    /// The computation.
    public var graph: Graph
    /// Version of each operator set by domain; empty is ai.onnx.
    public var opsets: [String: Int]
    /// Version of the file format.
    public var irVersion: Int
    /// Tool that wrote the file, and its version.
    public var producer: String
    /// Named notes of the file.
    public var metadata: [(key: String, value: String)]
    /// What was found that does not hinder the import: warnings and notes.
    public var notes: [Diagnostic]
}
