internal import MartletCore
internal import MartletEngine

/// What one instruction of a schedule does.
enum Opcode: UInt8 {
    case kernel, bind, branch, jump, loopBegin, loopTest, loopNext, copy, fail
}

/// One instruction. Which fields count depends on the opcode; entries are numbers in the expression table, -1 for none.
struct Instruction {
    var opcode: Opcode
    /// Number of the step in pre-order.
    var step: Int32
    /// kernel: entry of the grid, scratch, operations and bytes.
    var grid: Int32 = -1
    var scratch: Int32 = -1
    var flops: Int32 = -1
    var bytes: Int32 = -1
    /// kernel: where its words start, how many there are, how many operands lead them.
    var words: Int32 = 0
    var wordCount: Int32 = 0
    var operands: Int32 = 0
    /// kernel: the words that change during a run: a range of `Schedule.patches`.
    var patches: Int32 = 0
    var patchCount: Int32 = 0
    /// kernel: whether its places and its scratch memory have to be checked when it runs.
    var isChecked = false
    /// branch, jump, loopTest, loopNext: where to go on.
    var target: Int32 = 0
    /// loop: number of the loop; bind, fail, kernel: index in the table of that kind.
    var index: Int32 = 0
    var function: KernelFunction?
    /// bind, branch, loopTest: place read; copy: places from and to. A base of -1 means none.
    var source = Place()
    var destination = Place()

    struct Place {
        var base: Int32 = -1
        var offset: Int32 = -1
    }
}

/// The steps of an engine, flattened for execution. Independent of shapes; made once when the engine is loaded.
struct Schedule: Sendable {
    /// A word to be written before a kernel runs: its index in the plan's words, and the entry that gives its value.
    struct Patch {
        var word: Int32
        var entry: Int32
    }

    struct Bind {
        var step: Int
        var symbol: Int
        var type: ElementType
        var range: ClosedRange<Int>
        /// The entry that the value does not exceed; -1 for none.
        var limit: ExprRef
    }

    struct Loop {
        var step: Int
        var counter: Int
        var trip: Int32
    }

    struct StepInfo {
        var kind: String
        var kernel: String
        var origins: [String]
        var note: String

        /// The kernel's name, or the kind of a step without one.
        var label: String { kernel.isEmpty ? kind : kernel }
    }

    fileprivate(set) var instructions: [Instruction] = []
    /// Entries of all words of all steps, one after the other.
    fileprivate(set) var words: [Int32] = []
    fileprivate(set) var patches: [Patch] = []
    fileprivate(set) var binds: [Bind] = []
    fileprivate(set) var loops: [Loop] = []
    fileprivate(set) var failures: [Diagnostic] = []
    /// By pre-order number.
    fileprivate(set) var steps: [StepInfo] = []

    /// For each of so many symbols the number of the last step that sets it; -1 if none does.
    func setters(symbols count: Int) -> [Int] {
        var setters = [Int](repeating: -1, count: count)
        for bind in binds { setters[bind.symbol] = max(setters[bind.symbol], bind.step) }
        for loop in loops { setters[loop.counter] = max(setters[loop.counter], loop.step) }
        return setters
    }

    /// Flattens the steps of a valid engine.
    init(_ engine: Engine, growingOutputs: [Int], expressions: ExpressionTable, code: ExecutableCode) {
        let bases = growingOutputs.map(engine.outputBase)
        var builder = Builder(engine: engine, expressions: expressions, code: code, growingBases: bases)
        builder.add(engine.steps)
        self = builder.schedule
    }

    fileprivate init() {}

    fileprivate struct Builder {
        let engine: Engine
        let expressions: ExpressionTable
        let code: ExecutableCode
        /// Bases of outputs that may get their memory during the run.
        let growingBases: [Int]
        var schedule = Schedule()
    }
}

extension Schedule.Builder {
    mutating func add(_ steps: [Engine.Step]) {
        for step in steps { add(step) }
    }

    private mutating func add(_ step: Engine.Step) {
        var instruction = Instruction(opcode: .kernel, step: Int32(schedule.steps.count))
        instruction.flops = step.flops ?? -1
        instruction.bytes = step.bytes ?? -1
        schedule.steps.append(info(of: step))
        switch step.kind {
        case .kernel(let kernel, let words, let grid, let scratch):
            addKernel(instruction, engine.kernels[kernel], words, grid: grid, scratch: scratch)
        case .bind(let symbol, let source, let type, let low, let high):
            instruction.opcode = .bind
            instruction.source = place(source)
            instruction.index = Int32(schedule.binds.count)
            let range = low...max(low, high)
            schedule.binds.append(
                Schedule.Bind(
                    step: Int(instruction.step), symbol: symbol, type: type, range: range,
                    limit: engine.symbols[symbol].limit ?? -1))
            schedule.instructions.append(instruction)
        case .branch(let condition, let then, let otherwise):
            instruction.source = place(condition)
            addBranch(instruction, then, otherwise)
        case .loop(let counter, let trip, let condition, let body, let carried):
            instruction.index = Int32(schedule.loops.count)
            schedule.loops.append(
                Schedule.Loop(step: Int(instruction.step), counter: counter, trip: trip ?? -1))
            if let condition { instruction.source = place(condition) }
            addLoop(instruction, body, carried)
        case .copy(let copy):
            add(copy, like: instruction)
        case .fail(let code, let message, let help):
            addFailure(instruction, Diagnostic(code, message, help: help.isEmpty ? nil : help))
        case .host(let name, _):
            let failure = Diagnostic(
                "run.host-operation", "the host operation '\(name)' is not known to this version",
                help: "use a newer Martlet")
            addFailure(instruction, failure)
        }
    }

    private func info(of step: Engine.Step) -> Schedule.StepInfo {
        var info = Schedule.StepInfo(kind: "", kernel: "", origins: step.origins, note: step.note)
        switch step.kind {
        case .kernel(let kernel, _, _, _): (info.kind, info.kernel) = ("kernel", engine.kernels[kernel].name)
        case .bind: info.kind = "bind"
        case .branch: info.kind = "branch"
        case .loop: info.kind = "loop"
        case .copy: info.kind = "copy"
        case .fail: info.kind = "fail"
        case .host: info.kind = "host"
        }
        return info
    }

    private func place(_ location: Engine.Location) -> Instruction.Place {
        Instruction.Place(base: Int32(location.base), offset: location.offset)
    }

    private mutating func addKernel(
        _ start: Instruction, _ kernel: Engine.KernelInfo, _ words: [ExprRef], grid: ExprRef, scratch: ExprRef
    ) {
        var instruction = start
        (instruction.grid, instruction.scratch) = (grid, scratch)
        instruction.function = code.function(at: kernel.offset)
        instruction.words = Int32(schedule.words.count)
        instruction.wordCount = Int32(words.count)
        instruction.operands = Int32(kernel.operands)
        instruction.patches = Int32(schedule.patches.count)
        for word in words {
            if expressions.isDynamic[Int(word)] {
                schedule.patches.append(Schedule.Patch(word: Int32(schedule.words.count), entry: word))
            }
            schedule.words.append(word)
        }
        instruction.patchCount = Int32(schedule.patches.count) - instruction.patches
        let bases = (0..<kernel.operands).compactMap { engine.program.constantValue(of: words[2 * $0]) }
        instruction.isChecked =
            instruction.patchCount > 0 || expressions.isDynamic[Int(scratch)]
            || bases.contains(where: growingBases.contains)
        schedule.instructions.append(instruction)
    }

    private mutating func addBranch(_ start: Instruction, _ then: [Engine.Step], _ otherwise: [Engine.Step]) {
        var branch = start
        branch.opcode = .branch
        let branchIndex = schedule.instructions.count
        schedule.instructions.append(branch)
        add(then)
        let jumpIndex = schedule.instructions.count
        schedule.instructions.append(Instruction(opcode: .jump, step: start.step))
        schedule.instructions[branchIndex].target = Int32(schedule.instructions.count)
        add(otherwise)
        schedule.instructions[jumpIndex].target = Int32(schedule.instructions.count)
    }

    private mutating func addLoop(_ start: Instruction, _ body: [Engine.Step], _ carried: [Engine.Copy]) {
        var instruction = start
        instruction.opcode = .loopBegin
        schedule.instructions.append(instruction)
        let testIndex = schedule.instructions.count
        instruction.opcode = .loopTest
        schedule.instructions.append(instruction)
        add(body)
        for copy in carried { add(copy, like: start) }
        instruction.opcode = .loopNext
        instruction.target = Int32(testIndex)
        schedule.instructions.append(instruction)
        schedule.instructions[testIndex].target = Int32(schedule.instructions.count)
    }

    private mutating func add(_ copy: Engine.Copy, like start: Instruction) {
        var instruction = start
        instruction.opcode = .copy
        instruction.source = place(copy.from)
        instruction.destination = place(copy.to)
        instruction.bytes = copy.bytes
        schedule.instructions.append(instruction)
    }

    private mutating func addFailure(_ start: Instruction, _ failure: Diagnostic) {
        var instruction = start
        instruction.opcode = .fail
        instruction.index = Int32(schedule.failures.count)
        schedule.failures.append(failure)
        schedule.instructions.append(instruction)
    }
}
