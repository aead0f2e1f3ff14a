internal import MartletCore
internal import MartletEngine

/// Computes the parts of a plan.
struct PlanBuilder {
    let inputShapes: [[Int]]
    private(set) var outputShapes: [[Int]] = []
    private(set) var inputByteCounts: [Int] = []
    private(set) var outputByteCounts: [Int] = []
    private(set) var arenaByteCount = 0
    private(set) var scratchByteCount = 0
    private(set) var sharedWork: Double = 0
    private(set) var values: [Int64] = []
    private(set) var symbols: [Int64] = []
    private(set) var words: [Int64] = []
    private(set) var baseByteCounts: [Int] = []
    /// For each buffer whether it gets its memory during the run.
    private(set) var grows: [Bool] = []
    /// For each output whether it gets its memory during the run.
    private(set) var growsOutput: [Bool] = []
    /// Whether scratch memory may have to be larger than `scratchByteCount`.
    private(set) var growsScratch = false

    private let loaded: LoadedEngine
    private var engine: Engine { loaded.engine }
    /// Where each expression may lie during the run; empty if none changes.
    private var ranges: [ClosedRange<Int64>] = []

    /// Binds the shapes, places the arena and computes all words.
    ///
    /// - Throws: `plan.…` as `Diagnostic`, several as `Diagnostics`.
    init(_ loaded: LoadedEngine, shapes: [[Int]]) throws {
        self.loaded = loaded
        inputShapes = shapes
        guard shapes.count == loaded.engine.inputs.count else {
            throw Diagnostic(
                "plan.inputs", "\(shapes.count) shapes are given, the engine has \(loaded.engine.inputs.count) inputs")
        }
        var binding = try ShapeBinding(loaded.engine, shapes: shapes)
        symbols = binding.symbols
        values = [Int64](repeating: 0, count: loaded.expressions.count)
        evaluate()
        try checkSymbols()
        try binding.check(shapes: shapes, values: values)
        try checkRequirements()
        if loaded.expressions.hasDynamicEntries { ranges = dynamicRanges() }
        try placeBuffers()
        try measurePorts()
        try measureScratch()
        try checkMemory()
        // Outputs that grow have no memory yet, not even at their start.
        baseByteCounts =
            [RunFrame.statusByteCount, engine.weights.count, arenaByteCount] + inputByteCounts
            + zip(outputByteCounts, growsOutput).map { $1 ? -1 : $0 }
        try makeWords()
        estimateWork()
    }

    private mutating func evaluate() {
        values.withUnsafeMutableBufferPointer { values in
            symbols.withUnsafeBufferPointer { symbols in
                guard let values = values.baseAddress else { return }
                // An engine without symbols has no memory for them, and no expression asks for one.
                let none = UnsafePointer<Int64>(values)
                loaded.expressions.evaluate(values, symbols: symbols.baseAddress ?? none)
            }
        }
    }

    private func checkSymbols() throws {
        for symbol in engine.program.symbols {
            let index = Int(symbol.id)
            guard engine.symbols[index].kind == .input, symbols[index] == ExpressionTable.undefined else { continue }
            throw Diagnostic(
                "plan.unbound", "no input has '\(engine.symbols[index].name)' as an extent, so it has no value")
        }
    }

    /// Compares the sizes that must agree and that do not depend on the run.
    private func checkRequirements() throws {
        for requirement in engine.requirements {
            let sides = [Int(requirement.left), Int(requirement.right)]
            guard !sides.contains(where: { loaded.expressions.isDynamic[$0] }) else { continue }
            if let problem = engine.problem(requirement, values, symbols: symbols) { throw problem }
        }
    }

    /// Ranges of all expressions; those of loop counters are narrowed to what the loops can reach.
    private func dynamicRanges() -> [ClosedRange<Int64>] {
        var bounds: [ClosedRange<Int64>?] = zip(engine.symbols, symbols).map { symbol, value in
            guard symbol.kind.isSetDuringRun else {
                return value == ExpressionTable.undefined ? nil : value...value
            }
            return Int64(symbol.lower)...Int64(max(symbol.lower, symbol.upper ?? .max))
        }
        let limits = engine.symbols.map(\.limit)
        var ranges = loaded.expressions.ranges(values: values, symbols: bounds, limits: limits)
        guard !loaded.schedule.loops.isEmpty else { return ranges }
        for loop in loaded.schedule.loops where loop.trip >= 0 {
            let known = bounds[loop.counter] ?? ValueRange.all
            let turns = max(ranges[Int(loop.trip)].upperBound, 0)
            bounds[loop.counter] = min(known.lowerBound, 0)...max(min(known.upperBound, turns), 0)
        }
        ranges = loaded.expressions.ranges(values: values, symbols: bounds, limits: limits)
        return ranges
    }

    /// The greatest value of an expression that is a size.
    private func greatest(_ reference: ExprRef, _ what: @autoclosure () -> String) throws -> Int {
        let index = Int(reference)
        let isDynamic = loaded.expressions.isDynamic[index]
        let value = isDynamic ? ranges[index].upperBound : values[index]
        if isDynamic, value == .max {
            throw Diagnostic(
                "plan.unbounded", "\(what()) = \(engine.text(of: reference)) has no upper bound",
                help: "compile the model with a bound for the sizes that depend on data")
        }
        guard value != ExpressionTable.undefined, value >= 0 else {
            let text = engine.text(of: reference)
            throw Diagnostic("plan.size", "\(what()) = \(text) is negative, too large or undefined")
        }
        return Int(value)
    }

    /// Whether a size has no useful bound.
    private func isUnbounded(_ reference: ExprRef) -> Bool {
        loaded.expressions.isDynamic[Int(reference)]
            && ranges[Int(reference)].upperBound > Int64(Engine.greatestReservation)
    }

    private mutating func placeBuffers() throws {
        var sizes: [Int] = []
        sizes.reserveCapacity(engine.buffers.count)
        for (index, buffer) in engine.buffers.enumerated() {
            grows.append(loaded.growth.mayGrow[index] && isUnbounded(buffer.size))
            sizes.append(grows[index] ? 0 : try greatest(buffer.size, "the size of '\(buffer.name)'"))
        }
        let (offsets, total) = try loaded.placement.offsets(sizes: sizes)
        arenaByteCount = try Placement.align(total)
        for (index, symbol) in engine.symbols.enumerated() {
            guard case .offset(let buffer) = symbol.kind, !grows[buffer] else { continue }
            symbols[index] = Int64(offsets[buffer])
        }
        evaluate()
        // Places are known now, so what depends on them and on the run has narrower ranges.
        if !ranges.isEmpty { ranges = dynamicRanges() }
    }

    private mutating func measurePorts() throws {
        for (input, shape) in zip(engine.inputs, inputShapes) {
            inputByteCounts.append(try HostTensor.size(of: input.type, shape).byteCount)
        }
        for (index, output) in engine.outputs.enumerated() {
            growsOutput.append(loaded.growth.mayGrowOutput[index] && isUnbounded(output))
            if growsOutput[index] {
                outputShapes.append(output.dims.map { greatestExtent($0) })
                outputByteCounts.append(0)
                continue
            }
            let shape = try output.dims.map { try greatest($0, "an extent of output '\(output.name)'") }
            outputShapes.append(shape)
            outputByteCounts.append(try HostTensor.size(of: output.type, shape).byteCount)
        }
    }

    private func isUnbounded(_ output: Engine.Port) -> Bool {
        let extents = output.dims.map { dim in
            loaded.expressions.isDynamic[Int(dim)] ? ranges[Int(dim)] : values[Int(dim)]...values[Int(dim)]
        }
        return Engine.greatestByteCount(output.type, extents) > Int64(Engine.greatestReservation)
    }

    /// The greatest value of an extent that may have no bound; `Int.max` then.
    private func greatestExtent(_ dim: ExprRef) -> Int {
        Int(max(loaded.expressions.isDynamic[Int(dim)] ? ranges[Int(dim)].upperBound : values[Int(dim)], 0))
    }

    private mutating func measureScratch() throws {
        var most = 0
        for instruction in loaded.schedule.instructions where instruction.opcode == .kernel {
            if isUnbounded(instruction.scratch) {
                growsScratch = true
                continue
            }
            most = max(most, try greatest(instruction.scratch, "the scratch memory of a step"))
        }
        scratchByteCount = try Placement.align(most)
    }

    /// Refuses what is too much for one run before anything is allocated. Room for sizes that are known only during the
    /// run does not count: memory that is not touched costs nothing.
    private func checkMemory() throws {
        let limit = loaded.runtime.memoryLimit
        let scratch = scratchByteCount.multipliedReportingOverflow(by: loaded.runtime.threadCount)
        let parts = [arenaByteCount, scratch.overflow ? .max : scratch.partialValue] + outputByteCounts
        if Self.sum(parts) <= limit { return }
        let buffers = engine.buffers.indices.map {
            fixedSize([engine.buffers[$0].size], values[Int(engine.buffers[$0].size)])
        }
        let outputs = zip(engine.outputs, outputByteCounts).map { fixedSize($0.dims, Int64($1)) }
        let arena = try loaded.placement.offsets(sizes: buffers).total
        let total = Self.sum([arena, parts[1]] + outputs)
        guard total > limit else { return }
        let names = engine.outputs.map { "output '\($0.name)'" } + engine.buffers.map { "'\($0.name)'" }
        let largest = zip(outputs + buffers, names).max { $0.0 < $1.0 }
        let part = largest.map { ", \($0.0) of them for \($0.1)" } ?? ""
        throw Diagnostic(
            "run.out-of-memory", "the run needs \(total) bytes\(part), and \(limit) are allowed",
            help: "use smaller inputs, or give the runtime a greater limit (MARTLET_MEMORY_LIMIT)")
    }

    /// A size in bytes if it is known before the run, else 0.
    private func fixedSize(_ references: [ExprRef], _ value: Int64) -> Int {
        references.contains { loaded.expressions.isDynamic[Int($0)] } ? 0 : Int(max(value, 0))
    }

    private static func sum(_ counts: [Int]) -> Int {
        counts.reduce(0) { sum, count in
            let (next, overflow) = sum.addingReportingOverflow(count)
            return overflow ? .max : next
        }
    }

    private mutating func makeWords() throws {
        words.reserveCapacity(loaded.schedule.words.count)
        for word in loaded.schedule.words { words.append(values[Int(word)]) }
        for instruction in loaded.schedule.instructions where instruction.opcode == .kernel {
            try check(instruction)
        }
    }

    /// Words must exist, and operands start inside their bases; what changes during the run is checked there.
    private func check(_ instruction: Instruction) throws {
        let range = Int(instruction.words)..<Int(instruction.words + instruction.wordCount)
        for word in range where words[word] == ExpressionTable.undefined {
            let entry = loaded.schedule.words[word]
            guard loaded.expressions.isDynamic[Int(entry)] else {
                throw Diagnostic("plan.size", "\(engine.text(of: entry)) in a step is too large or undefined")
            }
        }
        // A step without grid points is skipped, wherever its operands would be.
        let grid = Int(instruction.grid)
        if (loaded.expressions.isDynamic[grid] ? ranges[grid].upperBound : values[grid]) == 0 { return }
        for operand in 0..<Int(instruction.operands) {
            let offset = words[range.lowerBound + 2 * operand + 1]
            guard offset != ExpressionTable.undefined else { continue }
            let base = Int(words[range.lowerBound + 2 * operand])
            if baseByteCounts[base] < 0 { continue }
            guard offset >= 0, offset <= Int64(baseByteCounts[base]) else {
                throw Diagnostic(
                    "plan.bounds", "an operand of a step starts at byte \(offset) of \(baseByteCounts[base])")
            }
        }
    }

    private mutating func estimateWork() {
        for instruction in loaded.schedule.instructions where instruction.opcode == .kernel {
            let isDynamic = [instruction.flops, instruction.bytes].contains { entry in
                entry >= 0 && loaded.expressions.isDynamic[Int(entry)]
            }
            let work = values.withUnsafeBufferPointer { values in
                values.baseAddress.map { WorkEstimate.nanoseconds(instruction, $0) } ?? 0
            }
            // What depends on sizes of the run has no value yet.
            if work >= WorkEstimate.sharingThreshold, work.isFinite || !isDynamic { sharedWork += work }
        }
    }
}
