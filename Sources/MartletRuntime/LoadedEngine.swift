internal import MartletCore
public import MartletEngine
internal import Synchronization

/// An engine that is ready to run: its code is executable and its weights are in memory.
///
/// Any number of threads may run it at once.
public final class LoadedEngine: Sendable {
    /// The engine's description.
    public let engine: Engine
    /// The runtime whose threads and memory it uses.
    public let runtime: Runtime
    let code: ExecutableCode
    let expressions: ExpressionTable
    let schedule: Schedule
    let placement: Placement
    let growth: GrowthTable
    private let plans = Mutex<[ShapePlan]>([])

    /// How many plans are kept, for the shapes used last.
    static let maximumPlans = 16

    /// Checks that the engine is whole and made for this machine, and makes its code executable.
    ///
    /// - Throws: `engine.invalid`, `engine.incompatible`, `engine.code-refused`.
    init(_ engine: Engine, runtime: Runtime) throws {
        try engine.validate()
        try Self.checkMachine(engine.header)
        try Self.checkTypes(engine)
        self.engine = engine
        self.runtime = runtime
        code = try ExecutableCode(engine.code)
        let growth = engine.growth
        expressions = ExpressionTable(engine, growing: growth.buffers)
        placement = Placement(engine.buffers)
        schedule = Schedule(engine, growingOutputs: growth.outputs, expressions: expressions, code: code)
        self.growth = GrowthTable(engine, growth: growth, expressions, schedule)
    }

    /// The plan for these shapes of the inputs, in the order of the engine; made when it is not among those used last.
    ///
    /// - Throws: `plan.…`, as `Diagnostics` if there are several problems.
    public func plan(for shapes: [[Int]]) throws -> ShapePlan {
        let known: ShapePlan? = plans.withLock { plans in
            guard let index = plans.firstIndex(where: { $0.matches(shapes) }) else { return nil }
            if index > 0 { plans.insert(plans.remove(at: index), at: 0) }
            return plans[0]
        }
        if let known { return known }
        let plan = ShapePlan(try PlanBuilder(self, shapes: shapes))
        plans.withLock { plans in
            plans.insert(plan, at: 0)
            if plans.count > Self.maximumPlans { plans.removeLast() }
        }
        return plan
    }
}

extension LoadedEngine {
    private static func checkTypes(_ engine: Engine) throws {
        for port in engine.inputs + engine.outputs where port.type == .string {
            throw Diagnostic(
                "engine.unsupported-type", "'\(port.name)' is a tensor of strings, which engines do not take")
        }
    }
}

/// Which machine an engine needs.
extension LoadedEngine {
    #if arch(x86_64)
        static let architecture = "x86_64"
    #elseif arch(arm64)
        static let architecture = "aarch64"
    #else
        static let architecture = "unknown"
    #endif

    /// - Throws: `engine.incompatible`.
    static func checkMachine(_ header: Engine.Header, _ features: CPUFeatures = .current) throws {
        let help = "rebuild with --target \(features.portableTarget)"
        let architecture = header.triple.prefix { $0 != "-" }
        guard architecture.isEmpty || architecture == Self.architecture else {
            throw Diagnostic(
                "engine.incompatible", "the engine is for \(architecture), this machine is \(Self.architecture)",
                help: help)
        }
        let missing = features.missing(of: header.features)
        guard missing.isEmpty else {
            let (names, pronoun) = (missing.joined(separator: ", "), missing.count == 1 ? "it" : "them")
            throw Diagnostic(
                "engine.incompatible", "the engine needs \(names), this CPU lacks \(pronoun)", help: help)
        }
        if header.features.contains(where: { $0.lowercased().hasPrefix("amx") }) { try CPUFeatures.requestTiles() }
    }
}
