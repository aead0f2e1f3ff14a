/// Many expressions as one list of operations on earlier results: the form for files and for evaluation at run time.
///
/// Equal parts are stored once. Entry i holds an operation, the indices of its operands, both less than i, and a
/// constant. Operands that an operation does not have are 0.
public struct ExprProgram: Equatable, Sendable {
    /// What an entry computes; the raw values are those of the engine file.
    public enum Op: Int32, Hashable, Sendable {
        /// The entry's constant.
        case constant = 0
        /// The value of the symbol whose id is in `left`, bit by bit.
        case symbol = 1
        /// left + right
        case add = 2
        /// left · right
        case multiply = 3
        /// left / right rounded down
        case floorDivide = 4
        /// left - right · (left / right rounded down)
        case modulo = 5
        /// The smaller of both.
        case minimum = 6
        /// The larger of both.
        case maximum = 7
    }

    /// The operation of each entry, the raw value of an `Op`.
    public private(set) var operations: [Int32] = []
    /// The first operand of each entry, or the id of its symbol.
    public private(set) var left: [Int32] = []
    /// The second operand of each entry.
    public private(set) var right: [Int32] = []
    /// The constant of each entry.
    public private(set) var constants: [Int64] = []

    /// The symbols that occur, in the order of their first entries.
    public private(set) var symbols: [Symbol] = []

    /// For each entry the symbols it depends on, directly or not.
    private(set) var dependencies: [Dependencies] = []
    /// For each entry that is a symbol its place in `symbols`, else 0.
    private var slots: [Int32] = []
    private var slotOfSymbol: [Symbol: Int32] = [:]
    private var entryOfKey: [Key: Int32] = [:]

    private struct Key: Hashable {
        let op: Op
        let left: Int32
        let right: Int32
        let constant: Int64
    }

    /// A set of symbols of one program. Symbols beyond the 63rd share one member, so that a set may claim more than
    /// it was made of, never less.
    public struct Dependencies: OptionSet, Hashable, Sendable {
        /// One bit for each symbol.
        public let rawValue: UInt64

        /// The set of these bits.
        public init(rawValue: UInt64) {
            self.rawValue = rawValue
        }

        init(slot: Int32) {
            self.init(rawValue: 1 << UInt64(Swift.min(slot, 63)))
        }
    }

    /// An empty program.
    public init() {}

    /// A program from stored arrays. Throws `engine.invalid-expression` where `validate` would.
    public init(operations: [Int32], left: [Int32], right: [Int32], constants: [Int64]) throws {
        self.operations = operations
        self.left = left
        self.right = right
        self.constants = constants
        try validate()
        for index in operations.indices { noteEntry(index) }
    }

    /// Equality of the entries.
    public static func == (a: ExprProgram, b: ExprProgram) -> Bool {
        a.operations == b.operations && a.left == b.left && a.right == b.right && a.constants == b.constants
    }

    /// Number of entries.
    public var count: Int { operations.count }

    /// Checks that the arrays are of one length, operations known and operands earlier entries.
    /// Throws `engine.invalid-expression`.
    public func validate() throws {
        guard left.count == count, right.count == count, constants.count == count, count < Int(Int32.max) else {
            throw Diagnostic("engine.invalid-expression", "the arrays of the expression table differ in length")
        }
        for index in operations.indices {
            let isValid: Bool
            switch Op(rawValue: operations[index]) {
            case nil: isValid = false
            case .constant, .symbol: isValid = true
            default: isValid = isEarlier(left[index], than: index) && isEarlier(right[index], than: index)
            }
            if !isValid {
                throw Diagnostic("engine.invalid-expression", "entry \(index) of the expression table is invalid")
            }
        }
    }

    private func isEarlier(_ operand: Int32, than index: Int) -> Bool { operand >= 0 && Int(operand) < index }
}

// MARK: - Building

extension ExprProgram {
    /// Adds an expression and gives the index of the entry that holds its value. Equal parts are found again.
    /// `IntExpr.tooLarge` becomes a division by zero, which throws when evaluated.
    public mutating func append(_ expression: IntExpr) -> Int32 {
        if expression.isTooLarge { return appendTooLarge() }
        var sum: Int32?
        for term in expression.terms {
            let product = append(term)
            sum = sum.map { entry(.add, $0, product) } ?? product
        }
        guard let sum else { return constant(expression.offset) }
        return expression.offset == 0 ? sum : entry(.add, sum, constant(expression.offset))
    }

    private mutating func append(_ term: Term) -> Int32 {
        var product = append(term.monomial.first)
        for atom in term.monomial.rest { product = entry(.multiply, product, append(atom)) }
        return term.coefficient == 1 ? product : entry(.multiply, product, constant(term.coefficient))
    }

    private mutating func append(_ atom: Atom) -> Int32 {
        switch atom {
        case .symbol(let symbol): return entry(.symbol, Int32(bitPattern: symbol.id), 0)
        case .compound(let compound):
            var result = append(compound.operands[0])
            for operand in compound.operands.dropFirst() {
                result = entry(Op(compound.kind), result, append(operand))
            }
            return result
        }
    }

    private mutating func appendTooLarge() -> Int32 {
        let zero = constant(0)
        return entry(.floorDivide, zero, zero)
    }

    private mutating func constant(_ value: Int) -> Int32 {
        entry(.constant, 0, 0, Int64(value))
    }

    private mutating func entry(_ op: Op, _ left: Int32, _ right: Int32, _ constant: Int64 = 0) -> Int32 {
        let key = Key(op: op, left: left, right: right, constant: constant)
        if let known = entryOfKey[key] { return known }
        operations.append(op.rawValue)
        self.left.append(left)
        self.right.append(right)
        constants.append(constant)
        noteEntry(count - 1)
        return Int32(truncatingIfNeeded: count - 1)
    }

    /// Completes the tables that are derived from the entry, which is valid.
    private mutating func noteEntry(_ index: Int) {
        let op = Op(rawValue: operations[index]) ?? .constant
        let key = Key(op: op, left: left[index], right: right[index], constant: constants[index])
        if entryOfKey[key] == nil { entryOfKey[key] = Int32(truncatingIfNeeded: index) }
        switch op {
        case .constant:
            slots.append(0)
            dependencies.append([])
        case .symbol:
            let slot = slot(of: Symbol(id: UInt32(bitPattern: left[index])))
            slots.append(slot)
            dependencies.append(Dependencies(slot: slot))
        default:
            slots.append(0)
            dependencies.append(dependencies[Int(left[index])].union(dependencies[Int(right[index])]))
        }
    }

    private mutating func slot(of symbol: Symbol) -> Int32 {
        if let known = slotOfSymbol[symbol] { return known }
        let slot = Int32(truncatingIfNeeded: symbols.count)
        symbols.append(symbol)
        slotOfSymbol[symbol] = slot
        return slot
    }
}

extension ExprProgram.Op {
    fileprivate init(_ kind: Compound.Kind) {
        switch kind {
        case .floorDivide: self = .floorDivide
        case .modulo: self = .modulo
        case .minimum: self = .minimum
        case .maximum: self = .maximum
        }
    }
}

// MARK: - Evaluation

extension ExprProgram {
    /// The symbols that an entry depends on.
    public func dependencies(of entry: Int32) -> Dependencies {
        dependencies.indices.contains(Int(entry)) ? dependencies[Int(entry)] : []
    }

    /// The given symbols as a set, as far as they occur in the program.
    public func dependencies(on symbols: some Sequence<Symbol>) -> Dependencies {
        symbols.reduce(into: []) { set, symbol in
            if let slot = slotOfSymbol[symbol] { set.formUnion(Dependencies(slot: slot)) }
        }
    }

    /// Computes entries in order into `values[entry]`; `values` grows to `count` elements if it is shorter.
    ///
    /// `entries` limits the work to a range (earlier ones must be there already), `changed` to those that depend on
    /// a member of the set. `symbols` gives the value of a symbol; it is asked once per entry of a symbol.
    /// Throws `size.overflow`, `size.division-by-zero` and what `symbols` throws; values of later entries are
    /// then not renewed.
    public func evaluate(
        into values: inout [Int], entries: Range<Int>? = nil, changed: Dependencies? = nil,
        symbols value: (Symbol) throws -> Int
    ) throws {
        try evaluate(into: &values, entries, changed) { try value(self.symbols[$0]) }
    }

    /// The same with values of symbols in the order of `symbols`; throws `size.missing-symbol` if some are missing.
    public func evaluate(
        into values: inout [Int], entries: Range<Int>? = nil, changed: Dependencies? = nil, symbolValues: [Int]
    ) throws {
        guard symbolValues.count >= symbols.count else {
            throw Diagnostic("size.missing-symbol", "fewer values than symbols were given for a table of sizes")
        }
        try symbolValues.withUnsafeBufferPointer { table in
            try evaluate(into: &values, entries, changed) { table[$0] }
        }
    }

    @inline(__always)
    private func evaluate(
        into values: inout [Int], _ entries: Range<Int>?, _ changed: Dependencies?, _ value: (Int) throws -> Int
    ) throws {
        if values.count < count { values += repeatElement(0, count: count - values.count) }
        try values.withUnsafeMutableBufferPointer { values in
            for index in (entries ?? 0..<count).clamped(to: 0..<count) {
                if let changed, dependencies[index].isDisjoint(with: changed) { continue }
                values[index] = try evaluateEntry(index, values, value)
            }
        }
    }

    @inline(__always)
    private func evaluateEntry(
        _ index: Int, _ values: UnsafeMutableBufferPointer<Int>, _ value: (Int) throws -> Int
    ) throws -> Int {
        let op = Op(rawValue: operations[index]) ?? .constant
        switch op {
        case .constant: return Int(constants[index])
        case .symbol: return try value(Int(slots[index]))
        default: break
        }
        let (a, b) = (values[Int(left[index])], values[Int(right[index])])
        switch op {
        case .constant, .symbol: return 0
        case .add: return try a.plusChecked(b)
        case .multiply: return try a.timesChecked(b)
        case .floorDivide: return try a.floorQuotientChecked(b)
        case .modulo: return try a.floorRemainderChecked(b)
        case .minimum: return Swift.min(a, b)
        case .maximum: return Swift.max(a, b)
        }
    }
}
