import MartletCore
import MartletIR

// A branch whose condition is known is imported in place. Else both are imported, as regions. Where their results
// differ in rank or element type, what follows in the enclosing graph is imported once per branch, inside the regions,
// and in the graph around that, until the results agree.

extension ModelImport {
    /// Imports an `If`. Gives the results of frame `floor` if all that is left was imported with it.
    func branch(_ node: ImportedNode, _ stack: inout [Frame], _ floor: Int) throws -> [ImportedValue?]? {
        let condition = try node.input(0).reshaped(to: [])
        let frames = try ["then_branch", "else_branch"].map {
            try frame(of: try node.graph($0), resultNames: node.proto.outputs, in: node)
        }
        let sizes = SizeCondition(condition)
        if let known = sizes?.decided(recorder.symbols.ranges, facts) {
            stack.append(frames[known ? 0 : 1])
            return nil
        }
        let choice = Choice(condition: condition, sizes: sizes, frames: frames, stack: stack)
        for target in stride(from: stack.count, through: floor, by: -1) {
            switch try attempt(choice, downTo: target) {
            case .differ: continue
            case .results(let values):
                return try resume(&stack, at: target, values, node.proto.outputs, floor)
            case .requires(let limits, let failure): throw learned(failure, limits)
            }
        }
        throw ImportFailure.branchesDiffer(
            Diagnostic(
                "onnx.branches-differ", "the branches give results of different ranks or types up to the end",
                at: .node(name: node.name, operator: node.proto.opType, file: model.path)))
    }

    /// What both branches share.
    private struct Choice {
        let condition: Tensor
        let sizes: SizeCondition?
        /// The graph taken where the condition is true, then the other.
        let frames: [Frame]
        let stack: [Frame]
    }

    private enum Outcome {
        case results([ImportedValue?])
        /// Ranks or element types of the results differ.
        case differ
        /// One branch can never run; the ranges say what must hold for the other one.
        case requires(SizeLimits, failure: Diagnostic)
    }

    /// Goes on behind frames that were imported within branches.
    private func resume(
        _ stack: inout [Frame], at target: Int, _ values: [ImportedValue?], _ outputs: [String], _ floor: Int
    ) throws -> [ImportedValue?]? {
        if target == stack.count {
            try define(outputs, values, &stack)
            return nil
        }
        if target == floor { return values }
        let names = stack[target].resultNames
        stack.removeSubrange(target...)
        try define(names, values, &stack)
        return nil
    }

    // MARK: Both branches

    /// Imports both branches with what follows them down to frame `target`.
    private func attempt(_ choice: Choice, downTo target: Int) throws -> Outcome {
        var failures: [ImportFailure?] = [nil, nil]
        var types: [[TensorType]?] = [nil, nil]
        func side(_ number: Int) throws -> [Tensor] {
            do {
                let tensors = try region(choice, number, downTo: target)
                types[number] = try tensors.map { try $0.type }
                return tensors
            } catch let failure as ImportFailure {
                failures[number] = failure
                throw failure
            }
        }
        do {
            let tensors = try Tensor.branch(choice.condition, then: { try side(0) }, else: { try side(1) })
            return .results(tensors.map { .tensor($0) })
        } catch let diagnostic as Diagnostic where diagnostic.code == "type.branches-differ" {
            return .differ
        } catch is ImportFailure {
            // The first failure kept the other branch from being tried.
            if failures[0] != nil { _ = try? recorder.nested().record { try side(1) } }
        }
        for failure in failures {
            if case .unknownValue? = failure { throw ImportFailure.unknownValue }
            if case .branchesDiffer? = failure { return .differ }
        }
        guard let good = types.firstIndex(where: { $0 != nil }), let results = types[good],
            case .problem(let problem)? = failures[1 - good]
        else { throw failures[0] ?? .unknownValue }
        if let limits = requirement(choice, good) { return .requires(limits, failure: problem) }
        return .results(try failing(choice, good, problem, results, downTo: target))
    }

    /// The results of one branch in the recorder of its region.
    private func region(_ choice: Choice, _ number: Int, downTo target: Int) throws -> [Tensor] {
        regionDepth += 1
        defer { regionDepth -= 1 }
        do {
            let limits = choice.sizes?.limits(assuming: number == 0, recorder.symbols.ranges).list ?? []
            return try narrowing(limits, choice, number) {
                try tensors(try run(choice.stack + [choice.frames[number]], downTo: target))
            }
        } catch let diagnostic as Diagnostic {
            throw ImportFailure.problem(diagnostic)
        }
    }

    /// Runs `body` under what holds in a branch.
    private func narrowing<R>(
        _ limits: [SizeLimits.Limit], _ choice: Choice, _ number: Int, _ body: () throws -> R
    ) rethrows -> R {
        let saved = facts
        defer { facts = saved }
        if let sizes = choice.sizes { facts.assume(sizes, number == 0) }
        return try recorder.narrowing(limits, body)
    }

    // MARK: One branch fails

    /// What must hold for the branch that can run, if ranges of the inputs' sizes say it and the node always runs: then
    /// the graph needs no branch at all.
    private func requirement(_ choice: Choice, _ good: Int) -> SizeLimits? {
        guard isLearning, regionDepth == 0,
            let limits = choice.sizes?.limits(assuming: good == 0, recorder.symbols.ranges),
            limits.isExact, limits.list.allSatisfy({ inputSymbols.contains($0.symbol) })
        else { return nil }
        return limits
    }

    private func learned(_ failure: Diagnostic, _ limits: SizeLimits) -> LearnedRanges {
        let symbols = recorder.symbols
        let ranges = limits.list.map { (symbols.name(of: $0.symbol), Bounds(lower: $0.lower, upper: $0.upper)) }
        return LearnedRanges(ranges: Dictionary(ranges) { $1 }, note: failure)
    }

    /// Both branches, where one can only end the run.
    private func failing(
        _ choice: Choice, _ good: Int, _ problem: Diagnostic, _ types: [TensorType], downTo target: Int
    ) throws -> [ImportedValue?] {
        func side(_ number: Int) throws -> [Tensor] {
            if number == good { return try region(choice, number, downTo: target) }
            return try Tensor.apply(MartletIR.Fail(problem, results: types), [])
        }
        let tensors = try Tensor.branch(choice.condition, then: { try side(0) }, else: { try side(1) })
        var warning = problem
        warning.severity = .warning
        notes.append(warning)
        return tensors.map { .tensor($0) }
    }
}
