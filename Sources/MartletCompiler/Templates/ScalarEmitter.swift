import MartletCore
import MartletEngine
import MartletIR

/// Emits the nodes of a loop nest's body as Vector IR, one register a node, along at most one vectorised axis.
///
/// Registers are remembered per scope, so that what does not depend on a loop is emitted before it (`hoist`).
final class ScalarEmitter {
    let builder: VectorBuilder
    let nest: LoopNest
    let machine: VectorMachine
    let lowering: ScalarLowering
    /// Base pointers of the operands, then of the result.
    let pointers: [Register]
    /// Number of operands, without the result.
    let operandCount: Int
    /// Words that the kernel reads behind the operands' pairs.
    private(set) var words: [IntExpr] = []
    private var wordRegisters: [IntExpr: Register] = [:]
    private var axisRegisters: [[Symbol: Register]] = [[:]]
    private var scopes: [[Int: Register]] = [[:]]
    /// For each scope, the axis on which nodes known outside of it do not count.
    private var hiddenAxes: [Symbol?] = [nil]
    /// Grid index of the point that is computed, for violations.
    var gridIndex: Register

    /// The vectorised axis: its variable has the value of its register in lane 0, one more in each further lane.
    struct VectorAxis {
        let symbol: Symbol
        let lanes: Int
        /// Number of lanes in use where not all are.
        let active: Register?
    }
    var vectorAxis: VectorAxis?
    /// Values computed by an earlier loop of the row, by node: a scratch pointer at the row's start.
    var cachedRows: [Int: Register] = [:]
    /// What is not computed in vectors, and why.
    private(set) var reasons: [String] = []
    /// Called with each value that a row loop computes, to keep it for later loops.
    var onValue: ((Int, Register) -> Void)?

    init(_ nest: LoopNest, operandCount: Int, machine: VectorMachine, builder: VectorBuilder) {
        self.nest = nest
        self.machine = machine
        self.builder = builder
        self.operandCount = operandCount
        lowering = ScalarLowering(builder, machine)
        gridIndex = builder.int(0)
        pointers = builder.atEntry {
            (0...operandCount).map { operand in
                let base = builder.load(.index, builder.address(builder.words, operand * 16))
                let offset = builder.load(.index, builder.address(builder.words, operand * 16 + 8))
                let slot = builder.address(builder.bases, builder.mul(base, 8))
                return builder.address(builder.load(.pointer, slot), offset)
            }
        }
    }

    // MARK: Scopes

    /// Runs `body` in a scope of its own: registers made there are forgotten behind it. What depends on the axis `hiding`
    /// is made anew in it.
    func scoped<R>(hiding symbol: Symbol? = nil, _ body: () throws -> R) rethrows -> R {
        scopes.append([:])
        hiddenAxes.append(symbol)
        axisRegisters.append([:])
        defer {
            scopes.removeLast()
            hiddenAxes.removeLast()
            axisRegisters.removeLast()
        }
        return try body()
    }

    /// Gives an axis variable its register in the current scope.
    func set(_ symbol: Symbol, _ register: Register) { axisRegisters[axisRegisters.count - 1][symbol] = register }

    func register(of symbol: Symbol) -> Register? {
        for scope in axisRegisters.reversed() { if let register = scope[symbol] { return register } }
        return nil
    }

    private func known(_ node: Int) -> Register? {
        for (scope, hidden) in zip(scopes, hiddenAxes).reversed() {
            if let register = scope[node] { return register }
            if let hidden, nest.dependences[node].contains(hidden) { return nil }
        }
        return nil
    }

    /// States the register of a node in the current scope.
    func define(_ node: Int, _ register: Register) { scopes[scopes.count - 1][node] = register }

    /// Whether loops over the axes have a turn; nil where they have for sure.
    ///
    /// What is read in a loop without turns may not be there, so nothing is taken out of one.
    func runs(_ axes: [LoopAxis]) -> Register? {
        axes.reduce(nil) { condition, axis in
            if axis.extent.isAtLeast(1, nest.ranges) == .yes { return condition }
            let test = builder.compare(.sgt, scalar(axis.extent), builder.int(0))
            return condition.map { builder.binary(.and, $0, test) } ?? test
        }
    }

    /// Emits every part of `node` that does not depend on `symbols`, outside the loops to come, which have turns.
    func hoist(_ node: Int, outOf symbols: Set<Symbol>) throws {
        if known(node) != nil { return }
        if nest.dependences[node].isDisjoint(with: symbols) {
            if case .constant = nest.body.nodes[node] { return }
            _ = try value(node)
            return
        }
        switch nest.body.nodes[node] {
        case .guarded(_, _, let otherwise):
            // Only what is a single element may be read whatever the guards say.
            if case .load(_, let index, _) = nest.body.nodes[otherwise], index.isEmpty { _ = try value(otherwise) }
        case .reduce(_, let axes, let inner, _), .argreduce(_, _, let axes, let inner):
            guard axes.allSatisfy({ $0.extent.isAtLeast(1, nest.ranges) == .yes }) else { return }
            try hoist(inner, outOf: symbols.union(axes.map(\.symbol)))
        case .dynamic(let symbol, let index, let limit, let checked, let inner):
            try hoist(index, outOf: symbols)
            if nest.dependences[index].isDisjoint(with: symbols) {
                try name(symbol, index, limit, checked)
                try hoist(inner, outOf: symbols)
            }
        default: for operand in nest.body.operands(of: node) { try hoist(operand, outOf: symbols) }
        }
    }

    // MARK: Index expressions

    /// The scalar value of an index expression.
    func scalar(_ expression: IntExpr) -> Register {
        if let constant = expression.constant { return builder.int(constant) }
        let axes = expression.symbols.filter(\.isAxis)
        guard let axis = axes.first else { return word(expression) }
        guard let (linear, rest) = expression.coefficients(of: axis), let variable = register(of: axis) else {
            return program(expression)
        }
        return builder.add(builder.mul(variable, scalar(linear)), scalar(rest))
    }

    /// A size expression as a word of the step.
    private func word(_ expression: IntExpr) -> Register {
        if let known = wordRegisters[expression] { return known }
        let index = (operandCount + 1) * 2 + words.count
        words.append(expression)
        let register = builder.atEntry { builder.load(.index, builder.address(builder.words, index * 8)) }
        wordRegisters[expression] = register
        return register
    }

    /// Any expression, operator by operator.
    private func program(_ expression: IntExpr) -> Register {
        var program = ExprProgram()
        let root = program.append(expression)
        var registers: [Register] = []
        for entry in 0..<program.count {
            let (left, right) = (Int(program.left[entry]), Int(program.right[entry]))
            switch ExprProgram.Op(rawValue: program.operations[entry]) ?? .constant {
            case .constant: registers.append(builder.int(Int(program.constants[entry])))
            case .symbol: registers.append(variable(Symbol(id: UInt32(bitPattern: program.left[entry]))))
            case .add: registers.append(builder.add(registers[left], registers[right]))
            case .multiply: registers.append(builder.mul(registers[left], registers[right]))
            case .floorDivide: registers.append(builder.floorDiv(registers[left], registers[right]))
            case .modulo: registers.append(builder.floorMod(registers[left], registers[right]))
            case .minimum: registers.append(builder.min(registers[left], registers[right]))
            case .maximum: registers.append(builder.max(registers[left], registers[right]))
            }
        }
        return registers[Int(root)]
    }

    private func variable(_ symbol: Symbol) -> Register {
        symbol.isAxis ? register(of: symbol) ?? builder.int(0) : word(IntExpr(symbol))
    }

    // MARK: Nodes

    /// The register of a node: a vector where the node depends on the vectorised axis, else a scalar.
    func value(_ node: Int) throws -> Register {
        if let register = known(node) { return register }
        let register = try emit(node)
        define(node, register)
        onValue?(node, register)
        return register
    }

    func dependsOnVector(_ node: Int) -> Bool {
        guard let vectorAxis else { return false }
        return nest.dependences[node].contains(vectorAxis.symbol)
    }

    private func emit(_ node: Int) throws -> Register {
        if let row = cachedRows[node], let axis = vectorAxis, let variable = register(of: axis.symbol) {
            let type = lowering.registerType(nest.body.type(of: node), lanes: axis.lanes)
            let address = builder.address(row, builder.mul(variable, type.scalar.bitWidth / 8))
            return load(type, address, axis.active)
        }
        switch nest.body.nodes[node] {
        case .load(let operand, _, let type):
            return try load(operand, nest.offsets[node] ?? 0, type)
        case .index(let expression): return index(expression)
        case .constant(let bits, let type): return lowering.constant(bits: bits, type)
        case .apply(let function, let operands, let type): return try apply(function, operands, type)
        case .guarded(let guards, let inner, let otherwise): return try guarded(guards, inner, otherwise, node)
        case .reduce(let combiner, let axes, let inner, let type):
            return try ReductionEmitter(self).reduce(combiner, axes, inner, type)
        case .argreduce(let maximum, let lastTie, let axes, let inner):
            return try ReductionEmitter(self).argReduce(maximum, lastTie, axes, inner)
        case .dynamic(let symbol, let index, let limit, let checked, let inner):
            try name(symbol, index, limit, checked)
            return try value(inner)
        }
    }

    private func apply(_ function: ScalarOp, _ operands: [Int], _ type: ElementType) throws -> Register {
        var registers = try operands.map(value)
        let lanes = registers.map { builder.type(of: $0).lanes }.max() ?? 1
        if lanes > 1 { registers = registers.map { builder.splat($0, lanes: lanes) } }
        return try lowering.apply(function, registers, operands.map(nest.body.type(of:)), type)
    }

    /// Data-dependent indices are kept inside their axis whatever the data.
    private func name(_ symbol: Symbol, _ index: Int, _ limit: IntExpr, _ checked: Bool) throws {
        if register(of: symbol) != nil { return }
        let raw = lowering.toIndex(try value(index), nest.body.type(of: index))
        guard checked else { return set(symbol, raw) }
        let inside = builder.compare(.ult, raw, scalar(limit))
        let here = gridIndex
        builder.branch(
            inside, then: { [] },
            else: {
                builder.violation(at: here, code: Int(Violation.indexOutOfRange))
                return []
            })
        set(symbol, builder.select(inside, raw, builder.int(0)))
    }

    private func index(_ expression: IntExpr) -> Register {
        guard let axis = vectorAxis, let (linear, _) = expression.coefficients(of: axis.symbol), linear != 0 else {
            return scalar(expression)
        }
        let start = builder.splat(scalar(expression), lanes: axis.lanes)
        let step = builder.splat(scalar(linear), lanes: axis.lanes)
        return builder.add(start, builder.mul(builder.laneNumbers(axis.lanes), step))
    }

    private func guarded(_ guards: [IndexGuard], _ inner: Int, _ otherwise: Int, _ node: Int) throws -> Register {
        if let axis = vectorAxis, guards.contains(where: { $0.expression.contains(axis.symbol) }) {
            return try guardedAlong(axis, guards, inner, otherwise, node)
        }
        let lanes = dependsOnVector(node) ? vectorAxis?.lanes ?? 1 : 1
        let side = { (node: Int) throws -> [Register] in
            try self.scoped { [self.builder.splat(try self.value(node), lanes: lanes)] }
        }
        guard let condition = holds(guards) else { return try value(inner) }
        return try builder.branch(condition, then: { try side(inner) }, else: { try side(otherwise) })[0]
    }

    /// Whether all guards hold where the axes stand; nil if there are none.
    private func holds(_ guards: [IndexGuard]) -> Register? {
        guards.reduce(nil) { condition, guardCondition in
            let test = builder.compare(.ult, scalar(guardCondition.expression), scalar(guardCondition.limit))
            return condition.map { builder.binary(.and, $0, test) } ?? test
        }
    }

    /// Guards that depend on the vectorised axis: whole vectors inside are computed as such, those across a border lane by
    /// lane. The guards are affine along the axis, so that a vector is inside if both of its ends are.
    private func guardedAlong(
        _ axis: VectorAxis, _ guards: [IndexGuard], _ inner: Int, _ otherwise: Int, _ node: Int
    ) throws -> Register {
        guard let first = register(of: axis.symbol) else { return try value(inner) }
        let count = axis.active.map { builder.min($0, builder.int(axis.lanes)) } ?? builder.int(axis.lanes)
        let ends = [first, builder.add(first, builder.sub(count, builder.int(1)))].compactMap { end in
            scoped {
                set(axis.symbol, end)
                return holds(guards)
            }
        }
        let type = lowering.registerType(nest.body.type(of: node), lanes: axis.lanes)
        return try builder.branch(
            builder.binary(.and, ends[0], ends[1]),
            then: { try scoped { [builder.splat(try value(inner), lanes: axis.lanes)] } },
            else: {
                let start = builder.constant(bits: 0, type)
                return try builder.loop(from: builder.int(0), to: count, step: builder.int(1), carrying: [start]) {
                    lane, carried in
                    let element = try scoped(hiding: axis.symbol) {
                        set(axis.symbol, builder.add(first, lane))
                        vectorAxis = nil
                        defer { vectorAxis = axis }
                        return try guarded(guards, inner, otherwise, node)
                    }
                    let isHere = builder.compare(
                        .eq, builder.laneNumbers(axis.lanes), builder.splat(lane, lanes: axis.lanes))
                    return [builder.select(isHere, builder.splat(element, lanes: axis.lanes), carried[0])]
                }
            })[0]
    }

    // MARK: Memory

    /// Loads an operand's element, or the elements along the vectorised axis.
    private func load(_ operand: Int, _ offset: IntExpr, _ type: ElementType) throws -> Register {
        let memory = try lowering.memoryType(type)
        let width = memory.bitWidth / 8
        let pointer = pointers[operand]
        guard let axis = vectorAxis, let (linear, _) = offset.coefficients(of: axis.symbol), linear != 0 else {
            let address = builder.address(pointer, builder.mul(scalar(offset), width))
            return lowering.afterLoad(builder.load(VectorType(memory), address), type)
        }
        let start = builder.address(pointer, builder.mul(scalar(offset), width))
        let vector = VectorType(memory, lanes: axis.lanes)
        if linear == 1 { return lowering.afterLoad(load(vector, start, axis.active), type) }
        note("operand \(operand) is read lane by lane: its elements along the vectors are not neighbours in memory")
        return lowering.afterLoad(gather(vector, start, builder.mul(scalar(linear), width), axis), type)
    }

    /// Notes what is not computed in vectors.
    func note(_ reason: String) {
        if !reasons.contains(reason) { reasons.append(reason) }
    }

    func load(_ type: VectorType, _ address: Register, _ active: Register?) -> Register {
        active.map { builder.load(type, address, first: $0) } ?? builder.load(type, address)
    }

    /// Lane by lane from equally spaced addresses; lanes not in use read the first element again.
    private func gather(
        _ type: VectorType, _ start: Register, _ stride: Register, _ axis: VectorAxis
    ) -> Register {
        var result = builder.splat(builder.load(type.with(lanes: 1), start), lanes: axis.lanes)
        for lane in 1..<axis.lanes {
            var step = builder.mul(stride, lane)
            if let active = axis.active {
                step = builder.select(builder.compare(.slt, builder.int(lane), active), step, builder.int(0))
            }
            let element = builder.load(type.with(lanes: 1), builder.address(start, step))
            result = builder.insert(result, element, lane: lane)
        }
        return result
    }

    /// Stores a node's value at an element offset of the result.
    func store(_ value: Register, _ offset: IntExpr, _ type: ElementType) throws {
        let memory = try lowering.memoryType(type)
        let address = builder.address(pointers[operandCount], builder.mul(scalar(offset), memory.bitWidth / 8))
        let stored = lowering.beforeStore(builder.splat(value, lanes: vectorAxis?.lanes ?? 1), type)
        if let active = vectorAxis?.active {
            builder.store(stored, address, first: active)
        } else {
            builder.store(stored, address)
        }
    }
}
