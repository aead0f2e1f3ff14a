import Martlet
import MartletCore
import MartletEngine
@testable import MartletRuntime

/// A run of an engine with all sizes worked out, as Tests/AArch64/harness.c executes it: calls of kernels, copies and
/// jumps. Loops are written out, so the number of their turns must follow from the shapes.
struct RecordedRun {
    private enum Operation: Int64 { case kernel, copy, jumpIfZero, jump }

    private let engine: Engine
    private let loaded: LoadedEngine
    private let plan: ShapePlan
    private var operations: [Int64] = []
    private var values: [Int64]
    private var symbols: [Int64]

    /// Records the run of an engine, which may be for another machine, on inputs of these shapes.
    ///
    /// - Throws: `test.recording` for steps that depend on data.
    init(_ engine: Engine, shapes: [[Int]]) throws {
        self.engine = engine
        // Plans are the same for all machines: loading must only not look at what the code is for.
        var portable = engine
        (portable.header.triple, portable.header.features) = ("", [])
        loaded = try Runtime(threads: 1).load(portable)
        plan = try loaded.plan(for: shapes)
        values = Array(UnsafeBufferPointer(start: plan.values, count: loaded.expressions.count))
        symbols = Array(UnsafeBufferPointer(start: plan.symbols, count: engine.symbols.count))
        guard !plan.hasGrowth else { throw Diagnostic("test.recording", "values grow during the run") }
        try record(engine.steps)
    }

    // MARK: Steps

    private mutating func record(_ steps: [Engine.Step]) throws {
        for step in steps {
            switch step.kind {
            case .kernel(let kernel, let words, let grid, _):
                guard try value(grid) > 0 else { continue }
                let info = engine.kernels[kernel]
                append(.kernel, [Int64(info.offset), try value(grid), Int64(words.count)])
                operations += try words.map { try value($0) }
            case .copy(let copy): try record(copy)
            case .branch(let condition, let then, let otherwise):
                let test = try jumpIfZero(condition)
                try record(then)
                append(.jump, [0])
                let end = operations.count - 1
                operations[test] = Int64(operations.count)
                try record(otherwise)
                operations[end] = Int64(operations.count)
            case .loop(let counter, let trip, let condition, let body, let carried):
                try recordLoop(counter, trip, condition, body, carried)
            case .fail, .bind, .host: throw Diagnostic("test.recording", "a step depends on data: \(step.kind)")
            }
        }
    }

    private mutating func recordLoop(
        _ counter: Int, _ trip: ExprRef?, _ condition: Engine.Location?, _ body: [Engine.Step],
        _ carried: [Engine.Copy]
    ) throws {
        guard let trip, condition == nil else { throw Diagnostic("test.recording", "a loop ends by its data") }
        let turns = try value(trip)
        for turn in 0..<max(turns, 0) {
            set(counter, to: turn)
            try record(body)
            for copy in carried { try record(copy) }
        }
        set(counter, to: max(turns, 0))
    }

    private mutating func record(_ copy: Engine.Copy) throws {
        let (from, to) = (copy.from, copy.to)
        append(
            .copy,
            [Int64(from.base), try value(from.offset), Int64(to.base), try value(to.offset), try value(copy.bytes)])
    }

    /// The place of the target, which is still to be filled in.
    private mutating func jumpIfZero(_ condition: Engine.Location) throws -> Int {
        append(.jumpIfZero, [Int64(condition.base), try value(condition.offset), 0])
        return operations.count - 1
    }

    private mutating func append(_ operation: Operation, _ words: [Int64]) {
        operations.append(operation.rawValue)
        operations += words
    }

    private func value(_ reference: ExprRef) throws -> Int64 {
        let value = values[Int(reference)]
        guard value != ExpressionTable.undefined else { throw Diagnostic("test.recording", "a size depends on data") }
        return value
    }

    private mutating func set(_ symbol: Int, to value: Int64) {
        symbols[symbol] = value
        values.withUnsafeMutableBufferPointer { values in
            symbols.withUnsafeBufferPointer { symbols in
                guard let values = values.baseAddress, let symbols = symbols.baseAddress else { return }
                loaded.expressions.update(values, symbols: symbols, after: symbol)
            }
        }
    }

    // MARK: Files

    /// Writes the run with its inputs.
    func write(_ inputs: [HostTensor], to path: String) throws {
        let sizes = plan.inputByteCounts + plan.outputByteCounts
        let head = [
            0x4e_5552_2e54_524d, engine.code.count, engine.weights.count, plan.arenaByteCount, plan.scratchByteCount,
            sizes.count, inputs.count, operations.count,
        ]
        var bytes: [UInt8] = []
        for number in (head + sizes).map({ Int64($0) }) + operations {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        func append(_ part: UnsafeRawBufferPointer) {
            bytes.append(contentsOf: part)
            bytes += [UInt8](repeating: 0, count: -part.count & 7)
        }
        engine.code.withUnsafeBytes { append($0) }
        engine.weights.withUnsafeBytes { append($0) }
        for input in inputs { input.withUnsafeBytes { append($0) } }
        try AtomicFile.write(bytes, to: path)
    }

    /// Reads the outputs that the harness wrote.
    func outputs(from path: String) throws -> [HostTensor] {
        let file = try MappedFile(path: path)
        var start = 0
        return try zip(engine.outputs, zip(plan.outputShapes, plan.outputByteCounts)).map { port, size in
            defer { start += size.1 }
            return try HostTensor.make(port.type, shape: size.0) { memory in
                try file.withUnsafeBytes { bytes in
                    guard bytes.count - start >= size.1, memory.count <= size.1 else {
                        throw Diagnostic("test.recording", "the outputs end too early")
                    }
                    memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + memory.count]))
                }
            }
        }
    }
}
