import MartletCore
import MartletEngine
import MartletRuntime

/// Builds engines by hand. Declare all inputs and outputs before taking the base of an output.
struct EngineKit {
    var engine: Engine
    let kernel: TestKernels

    init(_ name: String) throws {
        guard let kernels = TestKernels.shared else { throw Diagnostic("test.kernels", TestKernels.missing) }
        kernel = kernels
        engine = Engine(
            header: Engine.Header(name: name, writerVersion: "test", target: "test", modelHash: "00ff"),
            program: ExprProgram(), kernels: kernels.kernels, code: kernels.code, sourceGraph: "graph of \(name)")
    }

    mutating func expression(_ expression: IntExpr) -> ExprRef { engine.program.append(expression) }

    mutating func symbol(
        _ name: String, _ kind: Engine.SymbolKind = .input, lower: Int = 0, upper: Int? = nil, limit: IntExpr? = nil
    ) -> IntExpr {
        let limit = limit.map { expression($0) }
        engine.symbols.append(Engine.SymbolInfo(name: name, kind: kind, lower: lower, upper: upper, limit: limit))
        return IntExpr(Symbol.size(engine.symbols.count - 1))
    }

    @discardableResult
    mutating func input(_ name: String, _ type: ElementType = .float32, _ dims: [IntExpr]) -> Int {
        let base = engine.inputBase(engine.inputs.count)
        engine.inputs.append(Engine.Port(name: name, type: type, dims: dims.map { expression($0) }, base: base))
        return base
    }

    @discardableResult
    mutating func output(_ name: String, _ type: ElementType = .float32, _ dims: [IntExpr]) -> Int {
        let base = engine.outputBase(engine.outputs.count)
        engine.outputs.append(Engine.Port(name: name, type: type, dims: dims.map { expression($0) }, base: base))
        return base
    }

    /// A value in the arena, and its offset.
    mutating func buffer(_ name: String, _ size: IntExpr, _ first: Int, _ last: Int) -> IntExpr {
        engine.buffers.append(
            Engine.Buffer(name: name, size: expression(size), firstStep: first, lastStep: last))
        return symbol("\(name).offset", .offset(buffer: engine.buffers.count - 1))
    }

    mutating func place(_ base: Int, _ offset: IntExpr = 0) -> Engine.Location {
        Engine.Location(base: base, offset: expression(offset))
    }

    /// A kernel step over operands given as base and offset.
    mutating func call(
        _ name: String, _ operands: [(Int, IntExpr)], _ scalars: [IntExpr] = [], grid: IntExpr, scratch: IntExpr = 0,
        flops: IntExpr = 0, origin: String = ""
    ) throws -> Engine.Step {
        let words = operands.flatMap { [IntExpr($0.0), $0.1] } + scalars
        return Engine.Step(
            .kernel(
                kernel: try kernel(name), words: words.map { expression($0) }, grid: expression(grid),
                scratch: expression(scratch)),
            origins: origin.isEmpty ? [] : [origin], flops: expression(flops))
    }

    mutating func copy(_ from: (Int, IntExpr), _ to: (Int, IntExpr), _ bytes: IntExpr) -> Engine.Copy {
        Engine.Copy(from: place(from.0, from.1), to: place(to.0, to.1), bytes: expression(bytes))
    }

    func load(threads: Int = 1) throws -> LoadedEngine {
        try Runtime(threads: threads).load(engine)
    }
}

func floats(_ values: [Float], _ shape: [Int]? = nil) throws -> HostTensor {
    try HostTensor(values, shape: shape ?? [values.count])
}

func integers(_ values: [Int64], _ shape: [Int]? = nil) throws -> HostTensor {
    try HostTensor(values, shape: shape ?? [values.count])
}

extension Dictionary where Key == String, Value == HostTensor {
    func floats(_ name: String) throws -> [Float] { try self[name]?.array(of: Float.self) ?? [] }

    func integers(_ name: String) throws -> [Int64] { try self[name]?.array(of: Int64.self) ?? [] }
}
