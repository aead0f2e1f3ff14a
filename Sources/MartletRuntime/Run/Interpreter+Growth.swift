internal import MartletCore
internal import MartletEngine

/// Gives memory for an output: its number, how many bytes, and how many bytes of the memory it had before must be at
/// the start of the new one.
typealias OutputGrowth = (_ output: Int, _ count: Int, _ kept: Int) throws -> UnsafeMutableRawPointer

/// Values whose size becomes known during the run.
///
/// Unsafe parts and their invariants: the offset of a value that grows is the distance of its memory from the arena,
/// with wrap-around, so that kernels find it as they find values of the arena; places are checked against the bytes
/// that were leased for the value (`GrownMemory.extents`). Memory is changed between kernels only.
extension Interpreter {
    /// Looks at everything that waits for the symbol or depends on it.
    func symbolChanged(_ symbol: Int, _ instruction: UnsafePointer<Instruction>) throws {
        for target in loaded.growth.targets[symbol] {
            switch target {
            case .requirement(let index): try check(loaded.engine.requirements[index], instruction)
            case .zone(let zone): try growZone(zone, instruction)
            case .single(let buffer): try growSingle(buffer, instruction)
            case .output(let output): try growOutput(output, instruction)
            }
        }
    }

    private func check(_ requirement: Engine.Requirement, _ instruction: UnsafePointer<Instruction>) throws {
        if let problem = loaded.engine.problem(requirement, frame.values, symbols: frame.symbols) {
            throw diagnostic(problem.code, problem.message, instruction)
        }
    }

    /// The size of a buffer that grows; nil while it is unknown, or nonsense.
    private func size(_ buffer: Int) -> Int? {
        let size = frame.values[Int(loaded.engine.buffers[buffer].size)]
        return plan.grows[buffer] && size >= 0 ? Int(size) : nil
    }

    private func setPlace(_ buffer: Int, _ start: UnsafeMutableRawPointer, extent: Int) {
        frame.grown?.extents[buffer] = extent
        let offset = Int64(bitPattern: UInt64(UInt(bitPattern: start)) &- frame.bases[Engine.arenaBase])
        let symbol = loaded.growth.offsetSymbols[buffer]
        guard frame.symbols[symbol] != offset else { return }
        frame.symbols[symbol] = offset
        loaded.expressions.update(frame.values, symbols: frame.symbols, after: symbol)
    }

    private func growSingle(_ buffer: Int, _ instruction: UnsafePointer<Instruction>) throws {
        guard let memory = frame.grown, let size = size(buffer) else { return }
        let old = memory.extents[buffer]
        let oldBlock = memory.singles[buffer]
        guard oldBlock == nil || size > old else { return }
        let count = try outOfMemory(instruction) {
            try memory.capacity(for: size, growing: old, "'\(loaded.engine.buffers[buffer].name)'")
        }
        let block = try memory.lease(count, insteadOf: old)
        if let oldBlock {
            block.start.copyMemory(from: oldBlock.start, byteCount: old)
            memory.giveBack(oldBlock)
        }
        memory.singles[buffer] = block
        setPlace(buffer, block.start, extent: count)
    }
}

/// Zones.
extension Interpreter {
    private func growZone(_ index: Int, _ instruction: UnsafePointer<Instruction>) throws {
        guard let memory = frame.grown else { return }
        let buffers = loaded.growth.zones[index].buffers
        for (position, buffer) in buffers.enumerated() {
            memory.zones[index].wanted[position] = size(buffer) ?? 0
        }
        guard try placeZone(index, memory, instruction), let start = memory.zones[index].block?.start else { return }
        for (position, buffer) in buffers.enumerated() where size(buffer) != nil {
            let zone = memory.zones[index]
            setPlace(buffer, start + zone.offsets[position], extent: zone.sizes[position])
        }
    }

    /// Makes room for the sizes wanted; false if there was enough. What was in the zone is lost.
    private func placeZone(
        _ index: Int, _ memory: GrownMemory, _ instruction: UnsafePointer<Instruction>
    ) throws -> Bool {
        let zone = memory.zones[index]
        let isLeased = zone.block != nil
        let fits = isLeased ? !zip(zone.wanted, zone.sizes).contains(where: >) : zone.wanted == zone.sizes
        let old = isLeased ? zone.total : 0
        if !fits {
            try checkSizes(index, memory, old, instruction)
            let (offsets, total) = try loaded.growth.zones[index].placement.offsets(sizes: zone.wanted)
            memory.zones[index].sizes = zone.wanted
            memory.zones[index].offsets = offsets
            memory.zones[index].total = total
        }
        if isLeased, let block = zone.block, memory.zones[index].total <= block.count {
            memory.note(memory.zones[index].total, insteadOf: old)
            return true
        }
        let count = try outOfMemory(instruction) {
            try memory.capacity(for: memory.zones[index].total, growing: old, largest(index, memory))
        }
        if let block = zone.block { memory.giveBack(block) }
        memory.zones[index].block = nil
        memory.zones[index].block = try memory.lease(max(count, 1), insteadOf: old)
        return true
    }

    /// Each size by itself must be within the limit, so that their sum can be computed.
    private func checkSizes(
        _ index: Int, _ memory: GrownMemory, _ old: Int, _ instruction: UnsafePointer<Instruction>
    ) throws {
        for (position, buffer) in loaded.growth.zones[index].buffers.enumerated() {
            _ = try outOfMemory(instruction) {
                try memory.capacity(
                    for: memory.zones[index].wanted[position], growing: old,
                    "'\(loaded.engine.buffers[buffer].name)'")
            }
        }
    }

    /// The largest value of a zone, for messages.
    private func largest(_ index: Int, _ memory: GrownMemory) -> String {
        let sizes = memory.zones[index].sizes
        let position = sizes.indices.max { sizes[$0] < sizes[$1] }
        let name = position.map { loaded.engine.buffers[loaded.growth.zones[index].buffers[$0]].name } ?? ""
        return "'\(name)', together with \(sizes.count - 1) others,"
    }
}

/// Outputs and scratch memory.
extension Interpreter {
    private func growOutput(_ index: Int, _ instruction: UnsafePointer<Instruction>) throws {
        guard let memory = frame.grown, plan.growsOutput[index], let growth else { return }
        let base = loaded.engine.outputBase(index)
        guard let size = try byteCount(index, instruction) else { return }
        let old = memory.outputs[index]
        guard frame.byteCounts[base] < 0 || size > old else { return }
        let count = try outOfMemory(instruction) {
            try memory.capacity(for: size, growing: old, "output '\(loaded.engine.outputs[index].name)'")
        }
        let start = try growth(index, count, old)
        memory.note(count, insteadOf: old)
        memory.outputs[index] = count
        frame.bases[base] = UInt64(UInt(bitPattern: start))
        frame.byteCounts[base] = Int64(count)
    }

    /// The bytes of an output; nil while an extent is unknown.
    private func byteCount(_ index: Int, _ instruction: UnsafePointer<Instruction>) throws -> Int? {
        let output = loaded.engine.outputs[index]
        var count = max(output.type.bitWidth, 1)
        for dim in output.dims {
            let extent = frame.values[Int(dim)]
            guard extent >= 0 else { return nil }
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(extent))
            if overflow {
                throw diagnostic("run.size", "output '\(output.name)' does not fit the address space", instruction)
            }
            count = product
        }
        return count / 8 + (count % 8 > 0 ? 1 : 0)
    }

    /// Scratch memory for a step that needs more than the plan made room for, and how much each thread has of it.
    func growScratch(
        _ size: Int, _ instruction: UnsafePointer<Instruction>
    ) throws -> (start: UnsafeMutableRawPointer, stride: Int) {
        guard let memory = frame.grown, plan.growsScratch else { throw undefinedSize(instruction) }
        let threads = pool?.threadCount ?? 1
        if let scratch = memory.scratch, scratch.stride >= size { return (scratch.block.start, scratch.stride) }
        let old = (memory.scratch?.stride ?? 0) * threads
        let (total, overflow) = size.multipliedReportingOverflow(by: threads)
        guard !overflow, total < Int.max - old - 4096 else { throw undefinedSize(instruction) }
        let count = try outOfMemory(instruction) {
            try memory.capacity(for: total + threads * Placement.alignment, growing: old, "scratch memory")
        }
        let stride = count / threads / Placement.alignment * Placement.alignment
        let block = try memory.lease(count, insteadOf: old)
        if let scratch = memory.scratch { memory.giveBack(scratch.block) }
        memory.scratch = (block, stride)
        return (block.start, stride)
    }

    /// Names the step where memory is refused.
    private func outOfMemory<Result>(
        _ instruction: UnsafePointer<Instruction>, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as Diagnostic {
            var named = diagnostic(error.code, error.message, instruction)
            named.help = error.help
            throw named
        }
    }
}

extension Engine {
    /// What is wrong if two sizes that must agree have these values; nil if they do, or one is not known.
    func problem(
        _ requirement: Requirement, _ values: UnsafePointer<Int64>, symbols: UnsafePointer<Int64>
    ) -> Diagnostic? {
        let (left, right) = (values[Int(requirement.left)], values[Int(requirement.right)])
        guard left != right, left != ExpressionTable.undefined, right != ExpressionTable.undefined else { return nil }
        let sides = [(requirement.left, left), (requirement.right, right)].map { reference, value in
            let text = text(of: reference)
            return text == "\(value)" ? text : "\(text) = \(value)"
        }
        let named = program.symbols(of: [requirement.left, requirement.right])
            .filter { self.symbols.indices.contains($0) }
        // What only marks the beginning of a branch or turn has no name; a formula beside a number is an excess.
        let parts = named.filter { !self.symbols[$0].name.isEmpty }.map { "\(self.symbols[$0].name) = \(symbols[$0])" }
        let isExcess = !parts.allSatisfy(sides.contains) && sides.contains { !$0.contains("=") }
        let readsWell = parts.count == named.count && !isExcess && sides.allSatisfy { $0.utf8.count <= 40 }
        return Diagnostic(
            "run.sizes-differ",
            "\(requirement.what): "
                + (readsWell
                    ? "\(sides[0]) and \(sides[1]) differ" : "the sizes \(parts.joined(separator: ", ")) do not fit"))
    }
}
