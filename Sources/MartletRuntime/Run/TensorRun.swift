internal import MartletCore
internal import MartletEngine

/// One run over tensors: makes memory for the outputs and gives the addresses to the engine.
///
/// Unsafe parts and their invariants: the addresses of inputs are those of tensors that `run` keeps alive until the
/// engine has returned; storage never moves. Outputs are written only before they become tensors.
struct TensorRun {
    /// What a run takes or gives.
    enum Value {
        case tensor(HostTensor)
        /// A state in memory that runs append to.
        case appended(AppendedMemory)

        var shape: [Int] {
            switch self {
            case .tensor(let tensor): tensor.shape
            case .appended(let memory): memory.shape
            }
        }

        /// - Throws: `core.out-of-memory`.
        func tensor() throws -> HostTensor {
            switch self {
            case .tensor(let tensor): tensor
            case .appended(let memory): try memory.tensor()
            }
        }

        /// The address of the elements.
        fileprivate var start: UnsafeRawPointer? {
            switch self {
            case .tensor(let tensor): tensor.withUnsafeBytes { $0.baseAddress }
            case .appended(let memory): UnsafeRawPointer(memory.start)
            }
        }
    }

    private let engine: LoadedEngine
    private let inputs: [Value]
    /// The states that are appended to, by output.
    private var appended: [Int: AppendedMemory] = [:]

    /// A run with these values, in the order of the engine's inputs and of their types.
    init(_ engine: LoadedEngine, _ inputs: [Value]) throws {
        self.engine = engine
        var inputs = inputs
        for link in engine.engine.states {
            guard let growth = link.growth else { continue }
            let memory: AppendedMemory
            switch inputs[link.input] {
            case .appended(let known): memory = known
            case .tensor(let tensor): memory = try AppendedMemory(tensor, growth, pool: engine.runtime.memory)
            }
            inputs[link.input] = .appended(memory)
            appended[link.output] = memory
        }
        self.inputs = try inputs.map { value in
            if case .tensor(let tensor) = value { return .tensor(try tensor.aligned()) }
            return value
        }
    }

    /// Runs, and returns the outputs in the engine's order.
    func run(_ cancellation: Cancellation?, _ profile: Profile?) throws -> [Value] {
        let plan = try engine.plan(for: inputs.map(\.shape))
        let memory = OutputStore(plan.outputByteCounts.count, appended, pool: engine.runtime.memory)
        for (output, state) in appended { try state.reserve(plan.outputByteCounts[output]) }
        let shapes = try withExtendedLifetime(inputs) {
            let nowhere = UnsafeRawPointer(LoadedEngine.nowhere)
            return try engine.run(
                plan: plan, inputs: inputs.map { $0.start ?? nowhere }, allocate: memory.allocate,
                cancellation: cancellation, profile: profile)
        }
        return try zip(engine.engine.outputs, shapes).enumerated().map { index, output in
            if let state = appended[index] {
                state.extend(to: output.1)
                return .appended(state)
            }
            guard let block = memory.blocks[index] else { throw LoadedEngine.noExtent(output.0.name) }
            return .tensor(try Self.tensor(output.0.type, output.1, block))
        }
    }

    private static func tensor(_ type: ElementType, _ shape: [Int], _ memory: OutputMemory) throws -> HostTensor {
        let bytes = UnsafeRawBufferPointer(start: memory.start, count: memory.count)
        let tensor = try HostTensor(
            type: type, shape: shape, storage: TensorStorage(borrowing: bytes, owner: memory))
        // Memory was made for the greatest extents; a tensor much smaller than that should not hold it.
        guard memory.count > MemoryBlock.granule, tensor.byteCount < memory.count / 2 else { return tensor }
        return try HostTensor.make(type, shape: shape) { copy in
            tensor.withUnsafeBytes { copy.copyMemory(from: $0) }
        }
    }
}

/// The memory of the outputs of one run.
private final class OutputStore {
    private(set) var blocks: [OutputMemory?]
    private let pool: MemoryPool
    private let appended: [Int: AppendedMemory]

    init(_ count: Int, _ appended: [Int: AppendedMemory], pool: MemoryPool) {
        blocks = Array(repeating: nil, count: count)
        self.appended = appended
        self.pool = pool
    }

    func allocate(_ output: Int, _ count: Int, _ kept: Int) throws -> UnsafeMutableRawPointer {
        if let state = appended[output] { return state.start }
        let block = try OutputMemory(count, from: pool)
        if let old = blocks[output] { block.start.copyMemory(from: old.start, byteCount: min(kept, old.count, count)) }
        blocks[output] = block
        return block.start
    }
}

extension HostTensor {
    /// The tensor itself if its elements are aligned to their size, else a copy that is.
    fileprivate func aligned() throws -> HostTensor {
        let alignment = max(type.bitWidth / 8, 1)
        let isAligned = withUnsafeBytes { UInt(bitPattern: $0.baseAddress) % UInt(alignment) == 0 }
        if isAligned { return self }
        return try HostTensor.make(type, shape: shape) { copy in
            withUnsafeBytes { copy.copyMemory(from: $0) }
        }
    }
}

extension LoadedEngine {
    /// Shapes of all inputs when only some are known: symbols that those do not give take the least of their range.
    ///
    /// - Throws: as `plan(for:)`.
    func initialShapes(knowing shapes: [[Int]?]) throws -> [[Int]] {
        try variant(knowing: shapes).ownInitialShapes(knowing: shapes)
    }

    private func ownInitialShapes(knowing shapes: [[Int]?]) throws -> [[Int]] {
        var binding = try ShapeBinding(engine, shapes: shapes)
        binding.fillWithLowerBounds()
        var values = [Int64](repeating: 0, count: expressions.count)
        expressions.evaluate(&values, symbols: binding.symbols)
        return try zip(engine.inputs, shapes).map { input, shape in
            try shape ?? input.dims.map { try extent(values[Int($0)], of: input.name, within: .max) }
        }
    }

    /// Shapes of the outputs after a run that ended with these values.
    func outputShapes(_ values: UnsafePointer<Int64>, within limits: [[Int]]) throws -> [[Int]] {
        try zip(engine.outputs, limits).map { output, limit in
            try zip(output.dims, limit).map { try extent(values[Int($0)], of: output.name, within: $1) }
        }
    }

    private func extent(_ value: Int64, of name: String, within limit: Int) throws -> Int {
        guard value >= 0, value <= Int64(limit) else { throw Self.noExtent(name) }
        return Int(value)
    }

    static func noExtent(_ name: String) -> Diagnostic {
        Diagnostic("run.size", "an extent of '\(name)' is negative, too large or undefined after the run")
    }
}
