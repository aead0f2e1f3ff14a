internal import MartletCore
internal import MartletEngine

/// The primitive run, over memory of the caller.
///
/// Unsafe parts and their invariants: the caller vouches for inputs and outputs; everything else a kernel can reach is
/// memory that this function holds until no thread is inside a kernel any more.
extension LoadedEngine {
    /// Runs the engine on the calling thread, with the pool's help for large steps. Allocates nothing once the plan has
    /// been run.
    ///
    /// - Parameters:
    ///   - plan: A plan of this engine.
    ///   - inputs: For each input its elements, `plan.inputByteCounts` bytes, aligned to the element.
    ///   - outputs: For each output memory of `plan.outputByteCounts` bytes, aligned to the element. Inputs and outputs
    ///     must not overlap.
    /// - Throws: `run.unbounded-output` for a plan with `growingOutputs`, `run.arguments`, `run.cancelled`,
    ///   `run.index-range`, `run.violation`, `run.size`, `run.bounds`, `run.out-of-memory`, `run.sizes-differ`, and what
    ///   the model's own checks say. What is in the outputs then is unspecified.
    public func run(
        plan: ShapePlan, inputs: [UnsafeRawPointer], outputs: [UnsafeMutableRawPointer],
        cancellation: Cancellation? = nil, profile: Profile? = nil
    ) throws {
        if let output = plan.growingOutputs.first, engine.outputs.indices.contains(output) {
            throw Diagnostic(
                "run.unbounded-output",
                "the size of output '\(engine.outputs[output].name)' is known only during the run",
                help: "run with a function that gives memory for the outputs, or with a session")
        }
        let program = try program(of: plan)
        try program.run(plan: plan, inputs: inputs, outputs: outputs, growth: nil, cancellation, profile) { _ in }
    }

    /// Runs the engine as `run(plan:inputs:outputs:cancellation:profile:)` does, with memory for the outputs that is
    /// asked for when their size is known.
    ///
    /// - Parameters:
    ///   - plan: A plan of this engine.
    ///   - inputs: For each input its elements, `plan.inputByteCounts` bytes, aligned to the element.
    ///   - allocate: Gives memory for an output: takes its number, how many bytes are needed, and how many bytes of the
    ///     memory that it gave for this output before must be at the start of the new one (as `realloc` does). For
    ///     the plan's `growingOutputs` it is called during the run, perhaps several times.
    /// - Returns: The shapes of the outputs.
    /// - Throws: as the other, and what `allocate` throws.
    public func run(
        plan: ShapePlan, inputs: [UnsafeRawPointer],
        allocate: @escaping (_ output: Int, _ count: Int, _ kept: Int) throws -> UnsafeMutableRawPointer,
        cancellation: Cancellation? = nil, profile: Profile? = nil
    ) throws -> [[Int]] {
        let program = try program(of: plan)
        let outputs = try plan.outputByteCounts.indices.map { output in
            // Those that grow get another address later; until then no step may use it.
            plan.growsOutput[output] ? Self.nowhere : try allocate(output, plan.outputByteCounts[output], 0)
        }
        var shapes = plan.outputShapes
        try program.run(
            plan: plan, inputs: inputs, outputs: outputs, growth: allocate, cancellation, profile
        ) { values in
            if program.expressions.hasDynamicEntries { shapes = try program.outputShapes(values, within: shapes) }
        }
        return shapes
    }

    /// An address for tensors without elements, which no kernel reads. Unsafe only in name: it never changes.
    nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

    /// Runs a plan of this variant. `finish` sees the values of all expressions after the run.
    private func run(
        plan: ShapePlan, inputs: [UnsafeRawPointer], outputs: [UnsafeMutableRawPointer], growth: OutputGrowth?,
        _ cancellation: Cancellation?, _ profile: Profile?, finish: (UnsafePointer<Int64>) throws -> Void
    ) throws {
        guard inputs.count == engine.inputs.count, outputs.count == engine.outputs.count,
            plan.baseCount == engine.baseCount
        else {
            throw Diagnostic(
                "run.arguments",
                "\(inputs.count) inputs and \(outputs.count) outputs are given, the engine has "
                    + "\(engine.inputs.count) and \(engine.outputs.count)")
        }
        let frame = plan.takeFrame(for: self)
        defer {
            frame.grown?.release()
            plan.giveBack(frame)
        }
        frame.reset(plan)
        for (index, input) in inputs.enumerated() {
            frame.bases[engine.inputBase(index)] = UInt64(UInt(bitPattern: input))
        }
        for (index, output) in outputs.enumerated() {
            frame.bases[engine.outputBase(index)] = UInt64(UInt(bitPattern: output))
        }
        try engine.weights.withUnsafeBytes { weights in
            frame.bases[Engine.weightsBase] = UInt64(UInt(bitPattern: weights.baseAddress))
            try runInArena(plan, frame, growth, cancellation, profile)
        }
        try finish(frame.values)
    }

    private func runInArena(
        _ plan: ShapePlan, _ frame: RunFrame, _ growth: OutputGrowth?, _ cancellation: Cancellation?,
        _ profile: Profile?
    ) throws {
        let pool = plan.sharedWork > 0 || expressions.hasDynamicEntries ? runtime.pool : nil
        let threads = pool?.threadCount ?? 1
        let (scratch, overflow) = plan.scratchByteCount.multipliedReportingOverflow(by: threads)
        let (total, isTooLarge) = plan.arenaByteCount.addingReportingOverflow(scratch)
        guard !overflow, !isTooLarge else { throw Placement.tooLarge() }
        let arena = total > 0 ? try runtime.memory.lease(total) : nil
        defer { if let arena { runtime.memory.giveBack(arena) } }
        frame.bases[Engine.arenaBase] = UInt64(UInt(bitPattern: arena?.start))
        if let pool, plan.sharedWork >= ThreadPool.wakeThreshold { pool.rouse() }
        try FloatingPointMode.withIEEE {
            try schedule.instructions.withUnsafeBufferPointer { instructions in
                try Interpreter(
                    loaded: self, plan: plan, frame: frame, instructions: instructions,
                    scratch: arena.map { $0.start + plan.arenaByteCount }, pool: pool, cancellation: cancellation,
                    profile: profile, growth: growth
                ).run()
            }
        }
        if let cancellation, cancellation.isCancelled { throw Interpreter.cancelled() }
    }
}
