import MartletCore

extension Engine {
    /// Checks that every index, offset and count of the tables is in range and that their parts fit together, so that
    /// no damage in them can make a reader trap.
    ///
    /// What the words of a kernel mean is known only to the kernel: of them, the base numbers of operands are checked
    /// here, and the byte offsets when shapes are known.
    ///
    /// - Throws: `engine.invalid` with the first contradiction found.
    public func validate() throws {
        try Validator(engine: self).run()
        guard specialisations.count <= Engine.maximumSpecialisations else {
            throw Validator.fail("it has \(specialisations.count) specialisations")
        }
        for (index, variant) in specialisations.enumerated() {
            guard variant.specialisations.isEmpty else { throw Validator.fail("a specialisation has its own") }
            if let difference = firstDifference(variant) {
                throw Validator.fail("variant \(index + 1) has other \(difference) than the engine")
            }
            try Validator(engine: variant).run()
        }
    }

    /// What a caller would see differ in a variant.
    private func firstDifference(_ variant: Engine) -> String? {
        func isSame(_ left: [Port], _ right: [Port]) -> Bool {
            left.count == right.count
                && zip(left, right).allSatisfy {
                    $0.name == $1.name && $0.type == $1.type && $0.dims.count == $1.dims.count
                }
        }
        if !isSame(inputs, variant.inputs) { return "inputs" }
        if !isSame(outputs, variant.outputs) { return "outputs" }
        // How far a state may grow is a matter of each variant's sizes.
        let links = [states, variant.states].map { $0.map { [$0.input, $0.output, $0.growth?.axis ?? -1] } }
        if links[0] != links[1] { return "states" }
        if header != variant.header { return "facts in its header" }
        return weights.count == variant.weights.count ? nil : "weights"
    }
}

private struct Validator {
    let engine: Engine
    let expressions: Int
    let total: Int

    init(engine: Engine) {
        self.engine = engine
        expressions = engine.program.count
        total = engine.stepCount
    }

    func run() throws {
        try engine.program.validate()
        try checkSymbols()
        try checkPorts()
        if let problem = engine.problem(of: engine.states) { throw fail(problem.message) }
        try checkBuffers()
        try checkRequirements()
        try checkKernels()
        try check(engine.steps, depth: 0)
    }

    static func fail(_ what: String) -> Diagnostic {
        Diagnostic("engine.invalid", "the engine contradicts itself: \(what)", help: "compile the model again")
    }

    private func fail(_ what: String) -> Diagnostic { Self.fail(what) }

    private func check(_ reference: ExprRef, _ what: @autoclosure () -> String) throws {
        guard reference >= 0, Int(reference) < expressions else {
            throw fail("\(what()) is expression \(reference), and there are \(expressions)")
        }
    }

    private func checkSymbols() throws {
        for symbol in engine.program.symbols where symbol.id >= UInt32(clamping: engine.symbols.count) {
            throw fail("expressions use symbol \(symbol.id) of \(engine.symbols.count)")
        }
        try checkLimits()
        var isPlaced = [Bool](repeating: false, count: engine.buffers.count)
        for symbol in engine.symbols {
            guard symbol.lower <= symbol.upper ?? .max else { throw fail("symbol '\(symbol.name)' has an empty range") }
            guard case .offset(let buffer) = symbol.kind else { continue }
            guard buffer >= 0, buffer < isPlaced.count, !isPlaced[buffer] else {
                throw fail("symbol '\(symbol.name)' is the offset of buffer \(buffer), which is missing or taken")
            }
            isPlaced[buffer] = true
        }
    }

    /// Limits stand before what they limit, so that one pass over the expressions finds all their ranges.
    private func checkLimits() throws {
        for symbol in engine.symbols {
            guard let limit = symbol.limit else { continue }
            try check(limit, "the limit of symbol '\(symbol.name)'")
            guard symbol.kind == .bound else { throw fail("symbol '\(symbol.name)' has a limit, but no step sets it") }
        }
        for (index, operation) in engine.program.operations.enumerated()
        where operation == ExprProgram.Op.symbol.rawValue {
            let symbol = engine.symbols[Int(engine.program.left[index])]
            guard symbol.limit ?? -1 < index else { throw fail("symbol '\(symbol.name)' stands before its limit") }
        }
    }

    private func checkPorts() throws {
        for (index, port) in engine.inputs.enumerated() {
            try check(port, base: engine.inputBase(index), "input")
        }
        for (index, port) in engine.outputs.enumerated() {
            try check(port, base: engine.outputBase(index), "output")
        }
        for ports in [engine.inputs, engine.outputs] where Set(ports.map(\.name)).count != ports.count {
            throw fail("two inputs or two outputs have the same name")
        }
    }

    private func check(_ port: Engine.Port, base: Int, _ what: String) throws {
        guard port.base == base else { throw fail("\(what) '\(port.name)' has base \(port.base) instead of \(base)") }
        for dim in port.dims { try check(dim, "an extent of \(what) '\(port.name)'") }
    }

    private func checkBuffers() throws {
        for buffer in engine.buffers {
            try check(buffer.size, "the size of buffer '\(buffer.name)'")
            guard 0 <= buffer.firstStep, buffer.firstStep <= buffer.lastStep, buffer.lastStep < max(total, 1) else {
                throw fail(
                    "buffer '\(buffer.name)' lives from step \(buffer.firstStep) to \(buffer.lastStep) of \(total)")
            }
        }
    }

    private func checkRequirements() throws {
        for requirement in engine.requirements {
            try check(requirement.left, "a size that must agree (\(requirement.what))")
            try check(requirement.right, "a size that must agree (\(requirement.what))")
        }
    }

    private func checkKernels() throws {
        for kernel in engine.kernels {
            guard kernel.offset >= 0, kernel.offset < engine.code.count else {
                throw fail("kernel '\(kernel.name)' starts at \(kernel.offset) of \(engine.code.count) bytes of code")
            }
            guard kernel.operands >= 0, kernel.operands <= kernel.words / 2 else {
                throw fail("kernel '\(kernel.name)' has \(kernel.words) words for \(kernel.operands) operands")
            }
        }
    }
}

/// Steps.
extension Validator {
    private func check(_ steps: [Engine.Step], depth: Int) throws {
        guard depth <= Engine.maximumNesting else { throw fail("steps nest deeper than \(Engine.maximumNesting)") }
        for step in steps {
            if let flops = step.flops { try check(flops, "the work of a step") }
            if let bytes = step.bytes { try check(bytes, "the traffic of a step") }
            try check(step.kind, depth: depth)
        }
    }

    private func check(_ kind: Engine.Step.Kind, depth: Int) throws {
        switch kind {
        case .kernel(let kernel, let words, let grid, let scratch):
            try check(grid, "a grid")
            try check(scratch, "a scratch size")
            try check(kernel: kernel, words: words)
        case .bind(let symbol, let source, let type, let low, let high):
            try check(symbol: symbol, is: .bound)
            try check(source)
            guard type.isInteger || type == .bool, !type.isPacked else { throw fail("a size is of type \(type.name)") }
            let info = engine.symbols[symbol]
            guard low >= info.lower, high <= info.upper ?? .max else {
                throw fail("a bind step allows '\(info.name)' more than its range")
            }
        case .branch(let condition, let then, let otherwise):
            try check(condition)
            try check(then, depth: depth + 1)
            try check(otherwise, depth: depth + 1)
        case .loop(let counter, let trip, let condition, let body, let carried):
            try check(symbol: counter, is: .counter)
            if let trip { try check(trip, "the number of turns") }
            if let condition { try check(condition) }
            for copy in carried { try check(copy) }
            try check(body, depth: depth + 1)
        case .copy(let copy): try check(copy)
        case .fail: break
        case .host(_, let operands):
            for operand in operands { try check(operand) }
        }
    }

    private func check(kernel index: Int, words: [ExprRef]) throws {
        guard engine.kernels.indices.contains(index) else { throw fail("a step calls kernel \(index)") }
        let kernel = engine.kernels[index]
        guard words.count >= kernel.words else {
            throw fail("a step gives kernel '\(kernel.name)' \(words.count) of \(kernel.words) words")
        }
        for word in words { try check(word, "a word of kernel '\(kernel.name)'") }
        for operand in 0..<kernel.operands {
            let base = engine.program.constantValue(of: words[2 * operand])
            guard let base, base >= 0, base < engine.baseCount else {
                throw fail("operand \(operand) of kernel '\(kernel.name)' has no base of the \(engine.baseCount)")
            }
        }
    }

    private func check(symbol index: Int, is kind: Engine.SymbolKind) throws {
        guard engine.symbols.indices.contains(index), engine.symbols[index].kind == kind else {
            throw fail("a step sets symbol \(index), which is not of kind \(kind)")
        }
    }

    private func check(_ location: Engine.Location) throws {
        guard location.base >= 0, location.base < engine.baseCount else {
            throw fail("a step names base \(location.base) of \(engine.baseCount)")
        }
        try check(location.offset, "an offset")
    }

    private func check(_ copy: Engine.Copy) throws {
        try check(copy.from)
        try check(copy.to)
        try check(copy.bytes, "the size of a copy")
        guard copy.to.base >= Engine.arenaBase, copy.to.base >= engine.outputBase(0) || copy.to.base == Engine.arenaBase
        else { throw fail("a copy writes to base \(copy.to.base), which is not writable") }
    }
}
