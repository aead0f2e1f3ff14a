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
