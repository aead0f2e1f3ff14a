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
    /// The engine's specialisations, in the order in which they are tried.
    let specialisations: [LoadedEngine]
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
        specialisations = try engine.specialisations.map { try LoadedEngine($0, runtime: runtime) }
    }

    /// The plan for these shapes of the inputs, in the order of the engine; made when it is not among those used last.
    ///
    /// - Throws: `plan.…`, as `Diagnostics` if there are several problems; `plan.no-variant` if the engine was made for
    ///   some shapes only, and not for these.
    public func plan(for shapes: [[Int]]) throws -> ShapePlan {
        let known: ShapePlan? = plans.withLock { plans in
            guard let index = plans.firstIndex(where: { $0.matches(shapes) }) else { return nil }
            if index > 0 { plans.insert(plans.remove(at: index), at: 0) }
            return plans[0]
        }
        if let known { return known }
        let plan = try makePlan(shapes)
        plans.withLock { plans in
            plans.insert(plan, at: 0)
            if plans.count > Self.maximumPlans { plans.removeLast() }
        }
        return plan
    }
}

/// Variants.
extension LoadedEngine {
    /// The variant of the engine that runs a plan.
    ///
    /// - Throws: `run.arguments` for a plan of another engine.
    public func variant(of plan: ShapePlan) throws -> Engine { try program(of: plan).engine }

    /// What executes a plan: a specialisation, or the engine itself.
    func program(of plan: ShapePlan) throws -> LoadedEngine {
        guard let number = plan.specialisation else { return self }
        guard number < specialisations.count else {
            throw Diagnostic("run.arguments", "the plan belongs to another engine")
        }
        return specialisations[number]
    }

    private func makePlan(_ shapes: [[Int]]) throws -> ShapePlan {
        for (number, variant) in specialisations.enumerated() where variant.fits(shapes) {
            return ShapePlan(try PlanBuilder(variant, shapes: shapes), specialisation: number)
        }
        guard specialisations.isEmpty || engine.isGeneral || fits(shapes) else { throw noVariant(shapes) }
        return ShapePlan(try PlanBuilder(self, shapes: shapes))
    }

    /// The first variant that takes inputs of these shapes, of which some may not be known yet; else the last.
    func variant(knowing shapes: [[Int]?]) -> LoadedEngine { specialisations.first { $0.fits(shapes) } ?? self }

    /// Whether inputs of these shapes are what this variant was made for; those not known yet may have any.
    private func fits(_ shapes: [[Int]?]) -> Bool {
        guard shapes.count == engine.inputs.count, var binding = try? ShapeBinding(engine, shapes: shapes) else {
            return false
        }
        binding.fillWithLowerBounds()
        var values = [Int64](repeating: 0, count: expressions.count)
        expressions.evaluate(&values, symbols: binding.symbols)
        return zip(engine.inputs, shapes).allSatisfy { input, shape in
            guard let shape else { return true }
            return zip(input.dims, shape).allSatisfy { values[Int($0)] == Int64($1) }
        }
    }

    private func noVariant(_ shapes: [[Int]]) -> Diagnostic {
        let given = zip(engine.inputs, shapes).map { "\($0.name) \($1)" }.joined(separator: ", ")
        let taken = engine.variants.map(\.sizes).joined(separator: "; ")
        return Diagnostic(
            "plan.no-variant", "no variant of the engine takes inputs of the shapes \(given)",
            help: "it takes \(taken); compile the model with --shapes that include it, or without --no-general")
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
