internal import MartletCore
internal import MartletEngine

/// Executes the schedule of an engine for one run.
///
/// Unsafe parts and their invariants: all pointers are into memory that the run keeps (frame, plan, arena, schedule) or
/// that its caller vouches for (inputs and outputs). Expression and base numbers were checked when the engine was
/// validated; every place that is read or written here is checked against the size behind its base; what kernels
/// touch is stated by their words and is the compiler's promise.
struct Interpreter {
    let loaded: LoadedEngine
    let plan: ShapePlan
    let frame: RunFrame
    let instructions: UnsafeBufferPointer<Instruction>
    /// Scratch memory of the calling thread, followed by that of the pool's threads.
    let scratch: UnsafeMutableRawPointer?
    let pool: ThreadPool?
    let cancellation: Cancellation?
    let profile: Profile?
    /// Gives memory for outputs whose size becomes known during the run.
    let growth: OutputGrowth?

    /// Executes all instructions.
    ///
    /// - Throws: `run.cancelled`, `run.index-range`, `run.violation`, `run.size`, `run.bounds`, and what the engine's
    ///   `fail` steps say.
    func run() throws {
        guard let start = instructions.baseAddress else { return }
        var next = 0
        while next < instructions.count {
            if let cancellation, cancellation.isCancelled { throw Self.cancelled() }
            let instruction = start + next
            switch instruction.pointee.opcode {
            case .kernel:
                try runKernel(instruction)
                next += 1
            case .jump, .loopNext, .branch, .loopBegin, .loopTest:
                next = try follow(instruction, at: next)
            case .bind:
                try timed(instruction) { try bind(instruction) }
                next += 1
            case .copy:
                try timed(instruction) { try copy(instruction) }
                next += 1
            case .fail:
                throw failure(instruction)
            }
        }
    }

    @inline(__always)
    private func timed(_ instruction: UnsafePointer<Instruction>, _ body: () throws -> Void) rethrows {
        guard let profile else { return try body() }
        let start = Clock.nanoseconds()
        try body()
        profile.record(step: Int(instruction.pointee.step), from: start, to: Clock.nanoseconds(), isShared: false)
    }
}

/// Kernels.
extension Interpreter {
    @inline(__always)
    private func runKernel(_ instruction: UnsafePointer<Instruction>) throws {
        var (scratch, stride) = (self.scratch, plan.scratchByteCount)
        if instruction.pointee.isChecked {
            try patch(instruction)
            let size = Int(frame.values[Int(instruction.pointee.scratch)])
            if size > stride { (scratch, stride) = try growScratch(size, instruction) }
        }
        let grid = frame.values[Int(instruction.pointee.grid)]
        guard grid > 0 else {
            if grid == ExpressionTable.undefined { throw undefinedSize(instruction) }
            return
        }
        guard let function = instruction.pointee.function else { return }
        let words = frame.words + Int(instruction.pointee.words)
        if pool == nil && cancellation == nil && profile == nil {
            function(frame.bases, words, 0, grid, scratch)
        } else {
            let job = GridJob(
                kernel: function, bases: frame.bases, words: words, grid: Int(grid), chunks: 1, scratch: scratch,
                scratchStride: stride, cancellation: cancellation.map { Unmanaged.passUnretained($0) })
            runJob(job, instruction)
        }
        if frame.status.pointee != RunFrame.noViolation { throw violation(instruction) }
    }

    private func runJob(_ start: GridJob, _ instruction: UnsafePointer<Instruction>) {
        var job = start
        let begin = profile == nil ? 0 : Clock.nanoseconds()
        let work = WorkEstimate.nanoseconds(instruction.pointee, frame.values)
        if job.cancellation != nil { job.firstPoints = WorkEstimate.firstPoints(of: job.grid, work: work) }
        var isShared = false
        if let pool, work >= WorkEstimate.sharingThreshold, job.grid > 1 {
            let usual = min(pool.threadCount * PoolCore.chunksPerThread, Self.count(work / WorkEstimate.chunkWork))
            job.chunks = max(1, min(usual, job.grid))
            isShared = pool.run(job, work: work)
        }
        if !isShared { job.compute() }
        profile?.record(step: Int(instruction.pointee.step), from: begin, to: Clock.nanoseconds(), isShared: isShared)
    }

    /// A number of chunks; what the engine says of its work may be anything.
    private static func count(_ value: Double) -> Int {
        Int(max(1, min(value, Double(PoolCore.maximumChunks))))
    }

    /// Writes the words that depend on sizes known only now.
    private func patch(_ instruction: UnsafePointer<Instruction>) throws {
        let patches = loaded.schedule.patches
        let first = Int(instruction.pointee.patches)
        for index in first..<first + Int(instruction.pointee.patchCount) {
            let value = frame.values[Int(patches[index].entry)]
            guard value != ExpressionTable.undefined else {
                throw undefinedSize(instruction, at: patches[index].entry)
            }
            frame.words[Int(patches[index].word)] = value
        }
        // A step without grid points is skipped, wherever its operands would be.
        if frame.values[Int(instruction.pointee.grid)] == 0 { return }
        let entries = loaded.schedule.words
        let start = Int(instruction.pointee.words)
        for operand in 0..<Int(instruction.pointee.operands) {
            let word = start + 2 * operand
            let place = Instruction.Place(base: Int32(truncatingIfNeeded: frame.words[word]), offset: entries[word + 1])
            guard room(behind: place) >= 0 else { throw outOfBounds(instruction, at: place.offset) }
        }
        guard frame.values[Int(instruction.pointee.scratch)] >= 0 else { throw undefinedSize(instruction) }
    }

    /// How many bytes there are behind a place; negative if it is not one.
    private func room(behind place: Instruction.Place) -> Int64 {
        let offset = frame.values[Int(place.offset)]
        let owner = loaded.expressions.owners[Int(place.offset)]
        guard owner != ExpressionTable.noOwner, plan.hasGrowth else {
            let size = frame.byteCounts[Int(place.base)]
            return offset >= 0 && offset <= size ? size - offset : -1
        }
        return growingRoom(offset, owner, base: Int(place.base))
    }

    private func growingRoom(_ offset: Int64, _ owner: Int32, base: Int) -> Int64 {
        guard base == Engine.arenaBase, owner >= 0, let grown = frame.grown else { return -1 }
        let (size, start): (Int64, Int64) =
            plan.grows[Int(owner)]
            ? (Int64(grown.extents[Int(owner)]), frame.symbols[loaded.growth.offsetSymbols[Int(owner)]])
            : (frame.byteCounts[base], 0)
        guard offset != ExpressionTable.undefined, start != ExpressionTable.undefined else { return -1 }
        let distance = offset &- start
        return distance >= 0 && distance <= size ? size - distance : -1
    }
}

/// Control.
extension Interpreter {
    private func follow(_ instruction: UnsafePointer<Instruction>, at index: Int) throws -> Int {
        let target = Int(instruction.pointee.target)
        switch instruction.pointee.opcode {
        case .branch: return try isTrue(instruction) ? index + 1 : target
        case .loopBegin:
            try beginLoop(instruction)
            return index + 1
        case .loopTest: return try entersTurn(instruction) ? index + 1 : target
        case .loopNext:
            frame.turns[2 * Int(instruction.pointee.index)] += 1
            return target
        default: return target
        }
    }

    private func isTrue(_ instruction: UnsafePointer<Instruction>) throws -> Bool {
        try address(instruction.pointee.source, 1, instruction).load(as: UInt8.self) != 0
    }

    private func beginLoop(_ instruction: UnsafePointer<Instruction>) throws {
        let index = Int(instruction.pointee.index)
        let trip = loaded.schedule.loops[index].trip
        let turns = trip < 0 ? Int64.max : frame.values[Int(trip)]
        guard turns != ExpressionTable.undefined else { throw undefinedSize(instruction) }
        frame.turns[2 * index] = 0
        frame.turns[2 * index + 1] = turns
    }

    /// Sets the counter, and says whether the loop goes on.
    private func entersTurn(_ instruction: UnsafePointer<Instruction>) throws -> Bool {
        let index = Int(instruction.pointee.index)
        let (turn, turns) = (frame.turns[2 * index], frame.turns[2 * index + 1])
        let counter = loaded.schedule.loops[index].counter
        if let upper = loaded.engine.symbols[counter].upper, turn > Int64(upper) {
            throw diagnostic("run.loop-limit", "a loop takes more than \(upper) turns", instruction)
        }
        try set(counter, to: turn, instruction)
        guard turn < turns else { return false }
        return try instruction.pointee.source.base < 0 || isTrue(instruction)
    }

    private func set(_ symbol: Int, to value: Int64, _ instruction: UnsafePointer<Instruction>) throws {
        frame.symbols[symbol] = value
        loaded.expressions.update(frame.values, symbols: frame.symbols, after: symbol)
        if !loaded.growth.targets[symbol].isEmpty { try symbolChanged(symbol, instruction) }
    }

    private func bind(_ instruction: UnsafePointer<Instruction>) throws {
        let bind = loaded.schedule.binds[Int(instruction.pointee.index)]
        let source = try address(instruction.pointee.source, bind.type.bitWidth / 8, instruction)
        let name = loaded.engine.symbols[bind.symbol].name
        let (low, most) = (bind.range.lowerBound, bind.range.upperBound)
        // A limit that has no value is less than every size.
        let high = bind.limit < 0 ? most : min(most, Int(frame.values[Int(bind.limit)]))
        guard let value = Self.integer(at: source, bind.type), value >= low, value <= high else {
            let found = Self.integer(at: source, bind.type).map { String($0) } ?? "more than \(Int.max)"
            throw diagnostic(
                "run.size", "the size '\(name)' is \(found), and \(low)...\(high) was allowed for", instruction)
        }
        try set(bind.symbol, to: Int64(value), instruction)
    }

    /// An integer of one of the types that validation lets through; nil if it does not fit an `Int`.
    private static func integer(at place: UnsafeRawPointer, _ type: ElementType) -> Int? {
        switch type {
        case .bool: place.load(as: UInt8.self) != 0 ? 1 : 0
        case .int8: Int(place.load(as: Int8.self))
        case .uint8: Int(place.load(as: UInt8.self))
        case .int16: Int(place.loadUnaligned(as: Int16.self))
        case .uint16: Int(place.loadUnaligned(as: UInt16.self))
        case .int32: Int(place.loadUnaligned(as: Int32.self))
        case .uint32: Int(place.loadUnaligned(as: UInt32.self))
        case .int64: Int(place.loadUnaligned(as: Int64.self))
        case .uint64: Int(exactly: place.loadUnaligned(as: UInt64.self))
        default: nil
        }
    }

    private func copy(_ instruction: UnsafePointer<Instruction>) throws {
        let count = frame.values[Int(instruction.pointee.bytes)]
        guard count >= 0 else { throw undefinedSize(instruction) }
        let source = try address(instruction.pointee.source, Int(count), instruction)
        let destination = try address(instruction.pointee.destination, Int(count), instruction)
        destination.copyMemory(from: source, byteCount: Int(count))
    }

    /// The address of a place of which `count` bytes are used.
    private func address(
        _ place: Instruction.Place, _ count: Int, _ instruction: UnsafePointer<Instruction>
    ) throws -> UnsafeMutableRawPointer {
        guard Int64(count) <= room(behind: place) else { throw outOfBounds(instruction, at: place.offset) }
        let offset = UInt64(bitPattern: frame.values[Int(place.offset)])
        let address = UInt(frame.bases[Int(place.base)] &+ offset)
        guard let start = UnsafeMutableRawPointer(bitPattern: address) else { throw outOfBounds(instruction) }
        return start
    }
}

/// Errors.
extension Interpreter {
    static func cancelled() -> Diagnostic {
        Diagnostic("run.cancelled", "the run was cancelled")
    }

    func diagnostic(
        _ code: String, _ message: String, _ instruction: UnsafePointer<Instruction>
    ) -> Diagnostic {
        let step = loaded.schedule.steps[Int(instruction.pointee.step)]
        let names = step.origins.map { "'\($0)'" }.joined(separator: ", ")
        let place = step.origins.first.map { Place.node(name: $0, operator: step.label, file: nil) }
        return Diagnostic(code, names.isEmpty ? message : "\(message), in \(names)", at: place)
    }

    private func violation(_ instruction: UnsafePointer<Instruction>) -> Diagnostic {
        let word = frame.status.pointee
        let code = UInt8(truncatingIfNeeded: word)
        return diagnostic(
            Violation.diagnosticCode(code), "\(Violation.text(code)), at grid position \(word >> 8)", instruction)
    }

    func undefinedSize(_ instruction: UnsafePointer<Instruction>, at entry: Int32? = nil) -> Diagnostic {
        let name = entry.flatMap(nameOfOwner)
        return diagnostic(
            "run.size", "\(name.map { "the size of '\($0)'" } ?? "a size") is negative, too large or undefined",
            instruction)
    }

    private func outOfBounds(_ instruction: UnsafePointer<Instruction>, at entry: Int32? = nil) -> Diagnostic {
        let name = entry.flatMap(nameOfOwner)
        return diagnostic(
            "run.bounds", "a step reaches beyond \(name.map { "the memory of '\($0)'" } ?? "its memory")", instruction)
    }

    /// The value that grows on which an expression depends.
    private func nameOfOwner(_ entry: Int32) -> String? {
        let owner = loaded.expressions.owners[Int(entry)]
        return owner >= 0 ? loaded.engine.buffers[Int(owner)].name : nil
    }

    private func failure(_ instruction: UnsafePointer<Instruction>) -> Diagnostic {
        let failure = loaded.schedule.failures[Int(instruction.pointee.index)]
        var result = diagnostic(failure.code, failure.message, instruction)
        result.help = failure.help
        return result
    }
}
