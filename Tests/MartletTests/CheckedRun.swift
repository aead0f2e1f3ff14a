import Martlet
import MartletCompiler
import MartletCore
import MartletEngine
import MartletIR
import Synchronization

/// Runs the kernels of an engine as Vector IR, in memory of which they may touch nothing but the values they are given.
///
/// No machine code runs, so that kernels for any target can be tried. Values are far from each other, and hold the same
/// senseless bytes before they are written.
final class CheckedRun {
    private let engine: Engine
    private let kernels: [VectorFunction]
    private let setSymbols: [Int]
    private var symbols: [Int: Int] = [:]
    private var values: [ExprRef: Int] = [:]
    private var bases: [UnsafeMutableRawBufferPointer] = []
    /// Where the values of the arena lie in it.
    private var places: [Range<Int>] = []

    /// Bytes for what has no size before the run, and between values.
    private static let reserve = 1 << 18, gap = 1 << 12
    private static let filling: UInt8 = 0xA5

    /// Instructions that a step may take.
    private let limit: Int

    /// Compiles a graph for a target.
    init(_ graph: Graph, target: CodegenTarget, limit: Int = 1 << 28) throws {
        self.limit = limit
        let texts = Mutex<[String: String]>([:])
        var options = CompilerOptions(target: target)
        options.observer = StageObserver(stages: [.kernels]) { _, parts in
            texts.withLock { texts in for part in parts { texts[part.name] = part.text } }
        }
        engine = try Compiler(options, generator: CodeGenerator(searchPath: "")).compile(graph)
        let found = texts.withLock { $0 }
        setSymbols = Self.setSymbols(engine.steps)
        kernels = try engine.kernels.map { try VectorFunction(text: found[$0.name] ?? "") }
    }

    deinit { freeMemory() }

    private func freeMemory() {
        for base in bases { base.deallocate() }
        bases = []
    }

    /// The outputs for these inputs.
    func run(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        freeMemory()
        (symbols, values) = ([:], [:])
        for port in engine.inputs {
            guard let tensor = inputs[port.name] else { throw Diagnostic("test.input", "no input '\(port.name)'") }
            for (dim, extent) in zip(port.dims, tensor.shape) {
                guard ExprProgram.Op(rawValue: engine.program.operations[Int(dim)]) == .symbol else { continue }
                symbols[Int(engine.program.left[Int(dim)])] = extent
            }
        }
        try placeMemory(inputs)
        for requirement in engine.requirements { try check(requirement) }
        try execute(engine.steps)
        return try outputs()
    }

    private func placeMemory(_ inputs: [String: HostTensor]) throws {
        add(byteCount: 64)
        bases[Engine.statusBase].storeBytes(of: UInt64.max, as: UInt64.self)
        add(byteCount: engine.weights.count)
        engine.weights.withUnsafeBytes { bases[Engine.weightsBase].copyMemory(from: $0) }
        places = []
        var end = 0
        for buffer in engine.buffers {
            let start = end + Self.gap
            end = start + max(value(buffer.size) ?? Self.reserve, 0)
            places.append(start..<end)
        }
        for (index, symbol) in engine.symbols.enumerated() {
            if case .offset(let buffer) = symbol.kind { symbols[index] = places[buffer].lowerBound }
        }
        values = [:]
        add(byteCount: end + Self.gap)
        for port in engine.inputs {
            add(byteCount: inputs[port.name]?.byteCount ?? 0)
            inputs[port.name]?.withUnsafeBytes { bases[bases.count - 1].copyMemory(from: $0) }
        }
        for port in engine.outputs { add(byteCount: byteCount(port) ?? Self.reserve) }
    }

    private func add(byteCount: Int) {
        let base = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: Self.filling)
        bases.append(base)
    }

    private func byteCount(_ port: Engine.Port) -> Int? {
        let extents = port.dims.compactMap(value)
        guard extents.count == port.dims.count else { return nil }
        return extents.reduce(max(port.type.bitWidth, 8) / 8, *)
    }

    private func outputs() throws -> [String: HostTensor] {
        var outputs: [String: HostTensor] = [:]
        for (index, port) in engine.outputs.enumerated() {
            guard let count = byteCount(port) else { throw Diagnostic("test.output", "'\(port.name)' has no size") }
            let bytes = UnsafeRawBufferPointer(rebasing: bases[engine.outputBase(index)][..<count])
            outputs[port.name] = try HostTensor.make(port.type, shape: port.dims.compactMap(value)) {
                $0.copyMemory(from: bytes)
            }
        }
        return outputs
    }

    // MARK: Sizes

    /// The value of an expression; nil where a symbol has none yet, or it overflows.
    private func value(_ reference: ExprRef) -> Int? {
        if let known = values[reference] { return known }
        let (index, program) = (Int(reference), engine.program)
        guard let op = ExprProgram.Op(rawValue: program.operations[index]) else { return nil }
        let result: Int?
        switch op {
        case .constant: result = Int(program.constants[index])
        case .symbol: result = symbols[Int(program.left[index])]
        default:
            guard let a = value(program.left[index]), let b = value(program.right[index]) else { return nil }
            var expression = ExprProgram()
            let root = expression.append(Self.expression(op, IntExpr(a), IntExpr(b)))
            result = expression.constantValue(of: root)
        }
        values[reference] = result
        return result
    }

    private static func expression(_ op: ExprProgram.Op, _ a: IntExpr, _ b: IntExpr) -> IntExpr {
        switch op {
        case .add: a + b
        case .multiply: a * b
        case .floorDivide: a.floorDivided(by: b)
        case .modulo: a.modulo(b)
        case .minimum: .min(a, b)
        default: .max(a, b)
        }
    }

    private func set(_ symbol: Int, to value: Int) throws {
        symbols[symbol] = value
        values = [:]
        for requirement in engine.requirements where lastSet(requirement) == symbol { try check(requirement) }
    }

    /// The last symbol of a requirement that a step sets: in a loop, others may still be those of the turn before.
    private func lastSet(_ requirement: Engine.Requirement) -> Int? {
        let own = Set(engine.program.symbols(of: [requirement.left, requirement.right]))
        return setSymbols.last(where: own.contains)
    }

    /// The symbols that steps set, in the order of the steps.
    private static func setSymbols(_ steps: [Engine.Step]) -> [Int] {
        steps.flatMap { step -> [Int] in
            switch step.kind {
            case .bind(let symbol, _, _, _, _): [symbol]
            case .branch(_, let then, let otherwise): setSymbols(then) + setSymbols(otherwise)
            case .loop(let counter, _, _, let body, _): [counter] + setSymbols(body)
            default: []
            }
        }
    }

    private func check(_ requirement: Engine.Requirement) throws {
        guard let left = value(requirement.left), let right = value(requirement.right), left != right else { return }
        throw Diagnostic("run.sizes-differ", requirement.what)
    }

    // MARK: Steps

    private func execute(_ steps: [Engine.Step]) throws {
        for step in steps {
            switch step.kind {
            case .kernel(let kernel, let words, let grid, let scratch):
                try call(kernel, words, grid: grid, scratch: scratch)
            case .bind(let symbol, let source, let type, let low, let high):
                let bytes = UnsafeRawBufferPointer(try memory(source, count: type.bitWidth / 8))
                let number = try HostTensor.make(type, shape: []) { $0.copyMemory(from: bytes) }.ints()[0]
                let most = engine.symbols[symbol].limit.map { value($0) ?? -1 } ?? high
                guard (low...max(low, high)).contains(Int(number)), number <= most else {
                    throw Diagnostic("run.size", "'\(engine.symbols[symbol].name)' is \(number)")
                }
                try set(symbol, to: Int(number))
            case .branch(let condition, let then, let otherwise):
                try execute(try isTrue(condition) ? then : otherwise)
            case .loop(let counter, let trip, let condition, let body, let carried):
                try loop(counter, trip, condition, body, carried)
            case .copy(let copy): try move(copy)
            case .fail(let code, let message, _): throw Diagnostic(code, message)
            case .host(let name, _): throw Diagnostic("test.host", name)
            }
        }
    }

    private func loop(
        _ counter: Int, _ trip: ExprRef?, _ condition: Engine.Location?, _ body: [Engine.Step],
        _ carried: [Engine.Copy]
    ) throws {
        let turns = trip.map { value($0) ?? 0 } ?? .max
        var turn = 0
        while true {
            try set(counter, to: turn)
            if turn >= turns { return }
            if let condition, try !isTrue(condition) { return }
            try execute(body)
            for copy in carried { try move(copy) }
            turn += 1
        }
    }

    private func isTrue(_ location: Engine.Location) throws -> Bool { try memory(location, count: 1)[0] != 0 }

    private func move(_ copy: Engine.Copy) throws {
        guard let count = value(copy.bytes), count >= 0 else { throw Diagnostic("test.size", "a copy has no size") }
        let source = UnsafeRawBufferPointer(try memory(copy.from, count: count))
        try memory(copy.to, count: count).copyMemory(from: source)
    }

    private func call(_ kernel: Int, _ words: [ExprRef], grid: ExprRef, scratch: ExprRef) throws {
        guard let points = value(grid) else { throw Diagnostic("test.size", "a grid has no size") }
        if points <= 0 { return }
        var numbers = words.map { Int64(value($0) ?? .min) }
        let extra = UnsafeMutableRawBufferPointer.allocate(byteCount: max(value(scratch) ?? 0, 0), alignment: 64)
        defer { extra.deallocate() }
        extra.initializeMemory(as: UInt8.self, repeating: Self.filling)
        var table = bases.map { UInt64(UInt(bitPattern: $0.baseAddress)) }
        try table.withUnsafeMutableBytes { table in
            try numbers.withUnsafeMutableBytes { numbers in
                var ranges = [
                    VectorMemory.Range("bases", table), VectorMemory.Range("words", numbers),
                    VectorMemory.Range("status", bases[Engine.statusBase]), VectorMemory.Range("scratch", extra),
                ]
                for operand in 0..<engine.kernels[kernel].operands {
                    ranges += operandRanges(
                        base: value(words[2 * operand]) ?? 0, offset: value(words[2 * operand + 1]) ?? 0, operand)
                }
                guard let bases = table.baseAddress, let words = numbers.baseAddress else { return }
                try VectorInterpreter(memory: VectorMemory(ranges), limit: limit).run(
                    kernels[kernel], bases: bases, words: words, first: 0, last: points, scratch: extra.baseAddress)
            }
        }
        let status = bases[Engine.statusBase].load(as: UInt64.self)
        if status != .max { throw Diagnostic("run.violation", "violation \(status & 255)") }
    }

    /// The value that starts at an operand's place or has it within; what has no bytes is nowhere.
    private func operandRanges(base: Int, offset: Int, _ operand: Int) -> [VectorMemory.Range] {
        guard base == Engine.arenaBase else {
            let isOutput = base >= engine.outputBase(0)
            return isOutput
                ? [VectorMemory.Range("operand \(operand)", bases[base])]
                : [VectorMemory.Range("operand \(operand)", UnsafeRawBufferPointer(bases[base]))]
        }
        return places.indices.filter { places[$0].contains(offset) }.map { buffer in
            VectorMemory.Range(
                "operand \(operand)", UnsafeMutableRawBufferPointer(rebasing: bases[base][extent(buffer)]))
        }
    }

    /// The bytes of a value of the arena, as far as they are known.
    private func extent(_ buffer: Int) -> Range<Int> {
        let start = places[buffer].lowerBound
        return start..<min(places[buffer].upperBound, start + max(value(engine.buffers[buffer].size) ?? .max / 2, 0))
    }

    private func memory(_ location: Engine.Location, count: Int) throws -> UnsafeMutableRawBufferPointer {
        guard let offset = value(location.offset) else { throw Diagnostic("test.size", "a place is not known") }
        let isInside =
            location.base != Engine.arenaBase || count == 0
            || places.indices.contains { extent($0).contains(offset) && offset + count <= extent($0).upperBound }
        guard offset >= 0, isInside, count == 0 || offset + count <= bases[location.base].count else {
            throw Diagnostic("vector.bounds", "a step touches \(count) bytes at \(offset) of base \(location.base)")
        }
        return UnsafeMutableRawBufferPointer(rebasing: bases[location.base][offset..<offset + count])
    }
}
