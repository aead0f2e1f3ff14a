internal import MartletCore
internal import MartletEngine

/// Values of the engine's symbols for the shapes of its inputs.
struct ShapeBinding {
    /// One value for each symbol; undefined for those that inputs do not give.
    private(set) var symbols: [Int64]
    private let engine: Engine
    private var sources: [Source?]
    private var problems: [Diagnostic] = []

    private struct Source {
        let input: String
        let dimension: Int
    }

    /// Solves every extent that is exactly one symbol; inputs without a shape give nothing.
    ///
    /// - Throws: `plan.rank`, `plan.shape`, `plan.range`; several at once as `Diagnostics`.
    init(_ engine: Engine, shapes: [[Int]?]) throws {
        self.engine = engine
        symbols = [Int64](repeating: ExpressionTable.undefined, count: engine.symbols.count)
        sources = [Source?](repeating: nil, count: engine.symbols.count)
        for (input, shape) in zip(engine.inputs, shapes) {
            if let shape { solve(input, shape) }
        }
        checkRanges()
        try throwProblems()
    }

    private mutating func solve(_ input: Engine.Port, _ shape: [Int]) {
        guard shape.count == input.dims.count else {
            let expected = input.dims.map { engine.text(of: $0) }.joined(separator: ", ")
            problems.append(
                Diagnostic(
                    "plan.rank",
                    "input '\(input.name)' has shape \(shape), expected \(input.dims.count) extents "
                        + "[\(expected)]"))
            return
        }
        for (dimension, extent) in shape.enumerated() {
            guard let symbol = engine.inputSymbol(of: input.dims[dimension]) else { continue }
            guard let source = sources[symbol] else {
                symbols[symbol] = Int64(extent)
                sources[symbol] = Source(input: input.name, dimension: dimension)
                continue
            }
            if symbols[symbol] != Int64(extent) {
                problems.append(
                    Diagnostic(
                        "plan.shape",
                        "'\(engine.symbols[symbol].name)' is \(symbols[symbol]) in dimension "
                            + "\(source.dimension) of input '\(source.input)' and \(extent) in dimension \(dimension) "
                            + "of input '\(input.name)'"))
            }
        }
    }

    private mutating func checkRanges() {
        for (index, symbol) in engine.symbols.enumerated() where symbol.kind == .input {
            let value = symbols[index]
            guard value != ExpressionTable.undefined, let source = sources[index] else { continue }
            if value < symbol.lower || value > symbol.upper ?? .max {
                let range = symbol.upper.map { "\(symbol.lower)...\($0)" } ?? "at least \(symbol.lower)"
                problems.append(
                    Diagnostic(
                        "plan.range",
                        "'\(symbol.name)' is \(value) in dimension \(source.dimension) of input "
                            + "'\(source.input)', and the engine was made for \(range)",
                        help: "compile the model with --shapes that include it"))
            }
        }
    }

    /// Gives the symbols that no input has set the least value of their range.
    mutating func fillWithLowerBounds() {
        for (index, symbol) in engine.symbols.enumerated() where symbol.kind == .input {
            if symbols[index] == ExpressionTable.undefined { symbols[index] = Int64(symbol.lower) }
        }
    }

    /// Compares the extents that are formulas with their values.
    ///
    /// - Throws: `plan.shape`; several at once as `Diagnostics`.
    mutating func check(shapes: [[Int]], values: UnsafePointer<Int64>) throws {
        for (input, shape) in zip(engine.inputs, shapes) {
            for (dimension, extent) in shape.enumerated() where values[Int(input.dims[dimension])] != Int64(extent) {
                let reference = input.dims[dimension]
                let value = values[Int(reference)]
                let text = engine.text(of: reference)
                let isPlain = value == ExpressionTable.undefined || text == String(value)
                problems.append(
                    Diagnostic(
                        "plan.shape",
                        "input '\(input.name)' has extent \(extent) in dimension \(dimension), "
                            + "expected \(text)\(isPlain ? "" : " = \(value)")"))
            }
        }
        try throwProblems()
    }

    private func throwProblems() throws {
        if problems.count == 1 { throw problems[0] }
        if !problems.isEmpty { throw Diagnostics(problems) }
    }
}

extension Engine {
    /// The symbol of kind `input` that the expression is, if it is exactly one.
    func inputSymbol(of reference: ExprRef) -> Int? {
        guard program.operations[Int(reference)] == ExprProgram.Op.symbol.rawValue else { return nil }
        let symbol = Int(program.left[Int(reference)])
        return symbols[symbol].kind == .input ? symbol : nil
    }
}
