import MartletIR

/// The named stages of a compilation, in order. Each can be looked at, and the compilation stopped behind it.
public enum CompilerStage: String, Sendable, CaseIterable, Comparable {
    /// The graph as it came.
    case imported = "import"
    /// The graph after the canonical passes.
    case canonical
    /// The groups that are computed by one kernel each.
    case fused
    /// The kernels as Vector IR.
    case kernels
    /// The kernels as LLVM IR.
    case llvm
    /// The steps, buffers and expressions of the engine.
    case placed

    public static func < (left: CompilerStage, right: CompilerStage) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}

/// Receives what stages print.
public struct StageObserver: Sendable {
    /// Stages whose text is wanted.
    public var stages: Set<CompilerStage>
    /// Receives a stage's texts: name of the part and its text.
    public var record: @Sendable (CompilerStage, [(name: String, text: String)]) throws -> Void

    /// An observer of some stages.
    public init(
        stages: Set<CompilerStage>,
        record: @escaping @Sendable (CompilerStage, [(name: String, text: String)]) throws -> Void
    ) {
        self.stages = stages
        self.record = record
    }

    func record(_ stage: CompilerStage, _ texts: () -> [(name: String, text: String)]) throws {
        if stages.contains(stage) { try record(stage, texts()) }
    }
}
