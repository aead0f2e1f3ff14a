import MartletCore

/// Gives size symbols their values from the shapes of the inputs.
enum InputBinding {
    /// Checks type and rank, and binds every extent that is a symbol by itself.
    static func bind(
        _ name: String, _ type: TensorType, _ tensor: HostTensor, _ table: SymbolTable, _ symbols: inout [Symbol: Int]
    ) throws {
        guard tensor.type == type.element, tensor.shape.count == type.rank else {
            throw Diagnostic(
                "run.input-type",
                "input '\(name)' must be \(type.text(table.name)), not \(tensor.type.name)\(tensor.shape)")
        }
        for (extent, size) in zip(type.shape, tensor.shape) {
            let mentioned = extent.symbols
            if mentioned.count == 1, extent == IntExpr(mentioned[0]), symbols[mentioned[0]] == nil {
                symbols[mentioned[0]] = size
            }
        }
    }

    /// Checks every extent against its expression and the range of its symbols.
    static func check(
        _ name: String, _ type: TensorType, _ tensor: HostTensor, _ table: SymbolTable, _ symbols: [Symbol: Int]
    ) throws {
        for (axis, (extent, size)) in zip(type.shape, tensor.shape).enumerated() {
            let expected = try extent.evaluate { symbol in
                guard let value = symbols[symbol] else {
                    throw Diagnostic(
                        "run.input-size", "size '\(table.name(of: symbol))' of input '\(name)' cannot be solved for")
                }
                return value
            }
            guard expected == size else {
                throw Diagnostic(
                    "run.input-size",
                    "axis \(axis) of input '\(name)' is \(size), but \(extent.text(table.name)) is \(expected)")
            }
        }
        for symbol in type.shape.flatMap(\.symbols) {
            guard Int(symbol.id) < table.entries.count, let value = symbols[symbol] else { continue }
            let entry = table.entries[Int(symbol.id)]
            let upper = table.ranges[symbol].upper
            guard value >= entry.lower, value <= upper ?? Int.max else {
                throw Diagnostic(
                    "run.input-range",
                    "'\(entry.name)' is \(value) in input '\(name)', "
                        + "but must lie in \(entry.lower)...\(upper.map(String.init) ?? "")")
            }
        }
    }
}
