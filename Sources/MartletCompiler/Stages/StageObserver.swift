public import MartletCore
import MartletIR

/// A part of what a stage made, as a text.
public struct StageText: Sendable {
    /// Name of the part: `graph`, `group3`, `k0`.
    public let name: String
    /// What a reader sees.
    public let text: String
    /// The constants that the text names by hash.
    public let resources: [String: HostTensor]

    init(_ name: String, _ text: String, resources: [String: HostTensor] = [:]) {
        (self.name, self.text, self.resources) = (name, text, resources)
    }

    init(_ graph: Graph) { self.init("graph", graph.text, resources: graph.resources) }
}

/// Receives what stages print.
public struct StageObserver: Sendable {
    /// Stages whose texts are wanted.
    public var stages: Set<CompilerStage>
    /// Receives a stage's texts.
    public var record: @Sendable (CompilerStage, [StageText]) throws -> Void

    /// An observer of some stages.
    public init(
        stages: Set<CompilerStage>, record: @escaping @Sendable (CompilerStage, [StageText]) throws -> Void
    ) {
        self.stages = stages
        self.record = record
    }

    func record(_ stage: CompilerStage, _ texts: () -> [StageText]) throws {
        if stages.contains(stage) { try record(stage, texts()) }
    }
}
