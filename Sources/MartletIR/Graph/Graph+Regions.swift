import MartletCore

extension Graph {
    /// Types of the inputs, in order.
    public var inputTypes: [TensorType] { inputs.map { type(of: $0.value) } }

    /// Types of the outputs, in order.
    public var outputTypes: [TensorType] { outputs.map { type(of: $0.value) } }

    /// Whether a node is kept though nothing uses its results.
    public var hasEffect: Bool { operations.contains(where: \.hasEffect) }

    /// Throws unless the inputs take operands of these types. Extents that are one of `varying` may be anything.
    func expectInputs(
        _ operands: [TensorType], except varying: [Symbol] = [], in scope: any TypeScope, _ what: String
    ) throws {
        guard inputs.count == operands.count else {
            throw Diagnostic(
                "type.region-inputs", "\(what) has \(inputs.count) inputs for \(operands.count) operands")
        }
        for (port, operand) in zip(inputs, operands) {
            try Self.match(type(of: port.value), operand, except: varying, in: scope, "input '\(port.name)' of \(what)")
        }
    }

    /// Throws unless the outputs have these types. Extents that are one of `varying` may be anything.
    func expectOutputs(
        _ results: [TensorType], except varying: [Symbol] = [], in scope: any TypeScope, _ what: String
    ) throws {
        guard outputs.count == results.count else {
            throw Diagnostic(
                "type.region-outputs", "\(what) has \(outputs.count) outputs for \(results.count) results")
        }
        for (port, result) in zip(outputs, results) {
            try Self.match(result, type(of: port.value), except: varying, in: scope, "output '\(port.name)' of \(what)")
        }
    }

    private static func match(
        _ declared: TensorType, _ given: TensorType, except varying: [Symbol], in scope: any TypeScope, _ what: String
    ) throws {
        guard declared.element == given.element, declared.rank == given.rank else {
            throw Diagnostic(
                "type.region-types",
                "\(what) must be \(declared.element.name) of rank \(declared.rank), "
                    + "not \(given.element.name) of rank \(given.rank)")
        }
        for (axis, (extent, size)) in zip(declared.shape, given.shape).enumerated() {
            if let symbol = extent.loneSymbol, varying.contains(symbol) { continue }
            try scope.require(extent, equals: size, "axis \(axis) of \(what)")
        }
    }
}

extension AttributeReader {
    /// A list of size symbols.
    func symbols(_ name: String) throws -> [Symbol] {
        try dims(name).map { expression in
            guard let symbol = expression.loneSymbol else {
                throw Diagnostic("text.attribute", "'\(name)' must list size symbols")
            }
            return symbol
        }
    }
}
