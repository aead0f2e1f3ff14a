package import MartletCore
import MartletEngine
package import MartletRuntime

/// What each step of an engine costs.
package struct StepProfile: Sendable {
    /// One step, nested ones included.
    package struct Step: Sendable {
        /// Number in pre-order.
        package let number: Int
        /// Names of the source nodes, or the kind of step.
        package let name: String
        /// The kernel, and what its template chose.
        package let kernel: String
        /// What the kernel multiplies with; its peak is the one to hold it to.
        package let arithmetic: Arithmetic
        /// Median time of one run of the model, in nanoseconds.
        package let nanoseconds: Double
        /// Estimated arithmetic operations of one run.
        package let flops: Double
        /// Part of the time of all steps.
        package let share: Double
        /// How often it ran in one run.
        package let count: Int
        /// When it began in the last run, in nanoseconds after the first step, and how long it then took.
        package let last: (start: Double, nanoseconds: Double)
    }

    /// The steps that ran, in order.
    package let steps: [Step]
    /// Runs that were measured.
    package let runCount: Int

    /// Runs for about `duration` seconds and takes the median of each step.
    ///
    /// - Throws: as the run.
    package init(_ run: PreparedRun, duration: Double, cancellation: Cancellation? = nil) throws {
        let profile = try Profile(run.engine, plan: run.plan)
        var times: [Int: [Double]] = [:]
        let end = ContinuousClock.now + .seconds(duration)
        var runs = 0
        repeat {
            profile.reset()
            try run.run(cancellation: cancellation, profile: profile)
            for entry in profile.entries { times[entry.step, default: []].append(Double(entry.nanoseconds)) }
            runs += 1
        } while ContinuousClock.now < end
        runCount = runs
        let medians = times.mapValues { Latency($0).quantile(0.5) }
        let total = max(medians.values.sorted().reduce(0, +), 1)
        let flops = try StepWork(run)
        let begin = profile.entries.map(\.last.start).min() ?? 0
        steps = profile.entries.map { entry in
            let time = medians[entry.step] ?? 0
            return Step(
                number: entry.step, name: entry.origins.isEmpty ? entry.name : entry.origins.joined(separator: " + "),
                kernel: entry.note.isEmpty ? entry.name : "\(entry.name) \(entry.note)",
                arithmetic: Arithmetic(note: entry.note), nanoseconds: time,
                flops: flops.flops(ofStep: entry.step) * Double(entry.count), share: time / total, count: entry.count,
                last: (Double(entry.last.start - begin), Double(entry.last.nanoseconds)))
        }
    }
}

/// Estimated work of an engine's steps for the shapes of a run.
private struct StepWork {
    private var values: [Int] = []
    private var references: [ExprRef?] = []

    init(_ run: PreparedRun) throws {
        let engine = try run.engine.variant(of: run.plan)
        var sizes: [Symbol: Int] = [:]
        for (port, shape) in zip(engine.inputs, run.plan.inputShapes) {
            for (reference, size) in zip(port.dims, shape) {
                let index = Int(reference)
                guard engine.program.operations[index] == ExprProgram.Op.symbol.rawValue else { continue }
                sizes[Symbol(id: UInt32(bitPattern: engine.program.left[index]))] = size
            }
        }
        // Sizes that are known during the run only count as their bounds, offsets as nothing.
        try? engine.program.evaluate(into: &values) { symbol in
            if let size = sizes[symbol] { return size }
            let info = engine.symbols.indices.contains(symbol.number) ? engine.symbols[symbol.number] : nil
            return info?.kind == .bound ? info?.upper ?? 1 : 0
        }
        append(engine.steps)
    }

    /// Pre-order, as profiles number the steps.
    private mutating func append(_ steps: [Engine.Step]) {
        for step in steps {
            references.append(step.flops)
            switch step.kind {
            case .branch(_, let then, let otherwise):
                append(then)
                append(otherwise)
            case .loop(_, _, _, let body, _): append(body)
            default: break
            }
        }
    }

    func flops(ofStep number: Int) -> Double {
        guard references.indices.contains(number), let reference = references[number],
            values.indices.contains(Int(reference))
        else { return 0 }
        return Double(values[Int(reference)])
    }
}

extension StepProfile {
    /// The profile as JSON, and the last run as events that Chrome's and Perfetto's trace viewers show.
    ///
    /// Each of `steps` has its `arithmetic`, one of `Arithmetic`'s names. `peaks` holds for each kind that the machine has
    /// the peaks measured `before` and `after`, in billions of operations a second; `peak_before` and `peak_after` are
    /// those of float32.
    package func json(before: [Arithmetic: Double], after: [Arithmetic: Double]) -> JSONValue {
        let rows = steps.map { step -> JSONValue in
            [
                "name": .string(step.name), "kernel": .string(step.kernel), "ns": .number(step.nanoseconds),
                "arithmetic": .string(step.arithmetic.rawValue), "flops": .number(step.flops),
                "share": .number(step.share), "count": .integer(step.count),
            ]
        }
        let events = steps.map { step -> JSONValue in
            [
                "name": .string(step.name), "ph": "X", "pid": 1, "tid": 1, "ts": .number(step.last.start / 1000),
                "dur": .number(step.last.nanoseconds / 1000), "args": ["kernel": .string(step.kernel)],
            ]
        }
        var peaks: JSONObject = [:]
        for kind in Arithmetic.allCases {
            guard let first = before[kind], let second = after[kind] else { continue }
            peaks[kind.rawValue] = ["before": .number(first), "after": .number(second)]
        }
        return [
            "steps": .array(rows), "runs": .integer(runCount), "peaks": .object(peaks),
            "peak_before": .number(before[.float32] ?? 0), "peak_after": .number(after[.float32] ?? 0),
            "traceEvents": .array(events),
        ]
    }
}
