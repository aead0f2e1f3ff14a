import MartletCore
import MartletIR

/// Where sizes of one graph come from, and what has been written of them.
struct SizeTable {
    /// Where the value of a symbol is.
    enum Source {
        /// An extent of a value: `scale` times the symbol, plus `offset`.
        case extent(of: String, axis: Int, scale: Int, offset: Int)
        /// An integer scalar of that type.
        case scalar(String, ElementType)
    }

    var sources: [Symbol: Source] = [:]
    /// Names of symbols and of entries of the model's program, as `i64` vectors of one element.
    var symbolNames: [Symbol: String] = [:]
    var entryNames: [Int32: String] = [:]
    var vectorNames: [[IntExpr]: String] = [:]
}

/// The expressions of a model as one list of operations, with what is known of their values.
struct SizeProgram {
    private(set) var program = ExprProgram()
    /// A lower bound for each entry, where one is known.
    private var lower: [Int?] = []

    /// Adds an expression and gives its entry.
    mutating func append(_ expression: IntExpr, _ ranges: SymbolRanges) -> Int32 {
        let entry = program.append(expression)
        while lower.count < program.count { lower.append(bound(of: lower.count, ranges)) }
        return entry
    }

    /// Whether the quotient of an entry's operands is the same rounded down and toward zero.
    func isPlainQuotient(_ entry: Int) -> Bool {
        (lower[Int(program.left[entry])] ?? -1) >= 0 && (lower[Int(program.right[entry])] ?? 0) > 0
    }

    private func bound(of entry: Int, _ ranges: SymbolRanges) -> Int? {
        let operation = ExprProgram.Op(rawValue: program.operations[entry]) ?? .constant
        switch operation {
        case .constant: return Int(program.constants[entry])
        case .symbol: return ranges[Symbol(id: UInt32(bitPattern: program.left[entry]))].lower
        default: break
        }
        let (left, right) = (lower[Int(program.left[entry])], lower[Int(program.right[entry])])
        switch operation {
        case .maximum: return [left, right].compactMap(\.self).max()
        case .modulo: return (right ?? 0) > 0 ? 0 : nil
        case .floorDivide: return (left ?? -1) >= 0 && (right ?? 0) > 0 ? 0 : nil
        default: break
        }
        guard let left, let right else { return nil }
        switch operation {
        case .minimum: return min(left, right)
        case .add: return left.addingReportingOverflow(right).overflow ? nil : left + right
        case .multiply: return left >= 0 && right >= 0 ? 0 : nil
        default: return nil
        }
    }
}

extension GraphExport {
    // MARK: Sources

    /// Notes the symbols that are extents of a value which is not computed from them.
    func noteSizes(of name: String, _ type: TensorType) {
        for (axis, extent) in type.shape.enumerated() {
            let symbols = extent.symbols
            guard symbols.count == 1, !isKnown(symbols[0]),
                let (linear, rest) = extent.coefficients(of: symbols[0]), let scale = linear.constant, scale != 0,
                let offset = rest.constant
            else { continue }
            sizeTable.sources[symbols[0]] = .extent(of: name, axis: axis, scale: scale, offset: offset)
        }
    }

    private func isKnown(_ symbol: Symbol) -> Bool {
        sizeTable.sources[symbol] != nil || parent?.isKnown(symbol) ?? false
    }

    // MARK: Sizes

    /// A size as an `i64` vector of one element.
    func size(_ expression: IntExpr) throws -> String {
        let simple = expression.simplified(model.symbols.ranges)
        if let constant = simple.constant { return try integers([constant]) }
        guard !simple.isTooLarge else { throw Diagnostic("size.too-large", "an expression of sizes is too large") }
        let entry = model.program.append(simple, model.symbols.ranges)
        return try size(entry)
    }

    /// A size as a 0-d `i64`.
    func scalarSize(_ expression: IntExpr) throws -> String {
        if let constant = expression.simplified(model.symbols.ranges).constant {
            return model.constant(HostTensor(scalar: Int64(constant)), near: "size")
        }
        return add("Squeeze", [try size(expression), try integers([0])])[0]
    }

    /// Sizes as an `i64` vector.
    func sizes(_ expressions: [IntExpr]) throws -> String {
        let simple = expressions.map { $0.simplified(model.symbols.ranges) }
        let constants = simple.compactMap(\.constant)
        if constants.count == simple.count { return try integers(constants) }
        if simple.count == 1 { return try size(simple[0]) }
        if let known = lookUp({ $0.vectorNames[simple] }) { return known }
        var parts: [String] = []
        var pending: [Int] = []
        for expression in simple {
            if let constant = expression.constant {
                pending.append(constant)
                continue
            }
            if !pending.isEmpty { parts.append(try integers(pending)) }
            pending = []
            parts.append(try size(expression))
        }
        if !pending.isEmpty { parts.append(try integers(pending)) }
        let name = add("Concat", parts, [.int("axis", 0)])[0]
        sizeTable.vectorNames[simple] = name
        return name
    }

    private func integers(_ values: [Int]) throws -> String {
        model.constant(try HostTensor(values.map { Int64($0) }, shape: [values.count]), near: "size")
    }

    private func lookUp(_ find: (SizeTable) -> String?) -> String? {
        find(sizeTable) ?? parent?.lookUp(find)
    }

    // MARK: Entries

    private func size(_ entry: Int32) throws -> String {
        var needed: Set<Int32> = []
        var pending = [entry]
        while let next = pending.popLast() {
            guard lookUp({ $0.entryNames[next] }) == nil, needed.insert(next).inserted else { continue }
            let program = model.program.program
            switch ExprProgram.Op(rawValue: program.operations[Int(next)]) {
            case .constant, .symbol, nil: break
            default: pending += [program.left[Int(next)], program.right[Int(next)]]
            }
        }
        // Operands stand before what uses them.
        for next in needed.sorted() { sizeTable.entryNames[next] = try write(Int(next)) }
        guard let name = lookUp({ $0.entryNames[entry] }) else {
            throw Diagnostic("export.order", "a size is used before it is computed")
        }
        return name
    }

    private func write(_ entry: Int) throws -> String {
        let program = model.program.program
        let operation = ExprProgram.Op(rawValue: program.operations[entry]) ?? .constant
        switch operation {
        case .constant: return try integers([Int(program.constants[entry])])
        case .symbol: return try size(of: Symbol(id: UInt32(bitPattern: program.left[entry])))
        default: break
        }
        let operands = [program.left[entry], program.right[entry]].compactMap { part in lookUp { $0.entryNames[part] } }
        guard operands.count == 2 else { throw Diagnostic("export.order", "a size is used before it is computed") }
        switch operation {
        case .add: return add("Add", operands)[0]
        case .multiply: return add("Mul", operands)[0]
        case .minimum: return add("Min", operands)[0]
        case .maximum: return add("Max", operands)[0]
        case .modulo: return add("Mod", operands)[0]
        default: return floorQuotient(operands, isPlain: model.program.isPlainQuotient(entry))
        }
    }

    /// Div rounds toward zero; Mod is the remainder of division rounded down.
    private func floorQuotient(_ operands: [String], isPlain: Bool) -> String {
        if isPlain { return add("Div", operands)[0] }
        let remainder = add("Mod", operands)[0]
        return add("Div", [add("Sub", [operands[0], remainder])[0], operands[1]])[0]
    }

    // MARK: Symbols

    private func size(of symbol: Symbol) throws -> String {
        var scope: GraphExport? = self
        while let owner = scope {
            if let known = owner.sizeTable.symbolNames[symbol] { return known }
            if let source = owner.sizeTable.sources[symbol] {
                let name = try owner.read(source)
                owner.sizeTable.symbolNames[symbol] = name
                return name
            }
            scope = owner.parent
        }
        throw Diagnostic("export.size", "size '\(model.symbols.name(of: symbol))' has no value where it is used")
    }

    private func read(_ source: SizeTable.Source) throws -> String {
        switch source {
        case .scalar(let name, let type):
            let wide = type == .int64 ? name : add("Cast", [name], [.int("to", ElementType.int64.onnxCode)])[0]
            return add("Unsqueeze", [wide, try integers([0])])[0]
        case .extent(let name, let axis, let scale, let offset):
            var size = try extent(of: name, axis)
            if offset != 0 { size = add("Sub", [size, try integers([offset])])[0] }
            return scale == 1 ? size : add("Div", [size, try integers([scale])])[0]
        }
    }

    private func extent(of value: String, _ axis: Int) throws -> String {
        if model.opset >= 15 { return add("Shape", [value], [.int("start", axis), .int("end", axis + 1)])[0] }
        let shape = add("Shape", [value])[0]
        return add("Gather", [shape, try integers([axis])], [.int("axis", 0)])[0]
    }
}
